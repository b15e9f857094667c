# Built by `opa build -t wasm -e example/allow example.rego`.
package example

default allow := false

# A user may do what one of the user's roles may do.
allow if {
	some role in data.user_roles[input.user]
	some permission in data.role_permissions[role]
	permission.action == input.action
	permission.object == input.object
}
