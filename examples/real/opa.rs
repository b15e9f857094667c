//! Lets a policy of the Open Policy Agent decide. A policy imports its memory, and gets data and
//! input as JSON. No package holds one: `opa build -t wasm -e example/allow FILE.rego` makes it, in
//! a bundle with the name `policy.wasm`.

mod packaged;

use pocketwasm::{HostContext, Instance, Runner, RunnerConfig, ValueList};
use std::error::Error;

type Done<T> = Result<T, Box<dyn Error>>;

/// A policy with its data, ready to decide.
struct Policy {
    instance: Instance,
    data: u32,
    /// Where the policy's heap ends before each decision.
    heap: u32,
}

impl Policy {
    fn load(module: Vec<u8>, data: &str) -> Done<Self> {
        /// The policy ends with a message.
        fn abort(
            context: &mut HostContext<'_>,
            message: u32,
        ) -> Result<(), Box<dyn Error + Send + Sync>> {
            let mut memory = context.memory("memory")?;
            Err(memory.read_c_text(message, 4_096)?.into())
        }
        // Functions of Rego that OPA does not compile would come here.
        let config = RunnerConfig::new()
            .function("env", "opa_abort", abort)
            .function(
                "env",
                "opa_builtin0",
                |_: &mut HostContext<'_>, _: u32, _: u32| 0_u32,
            )
            .function(
                "env",
                "opa_builtin1",
                |_: &mut HostContext<'_>, _: u32, _: u32, _: u32| 0_u32,
            )
            .function(
                "env",
                "opa_builtin2",
                |_: &mut HostContext<'_>, _: u32, _: u32, _: u32, _: u32| 0_u32,
            )
            .function(
                "env",
                "opa_builtin3",
                |_: &mut HostContext<'_>, _: u32, _: u32, _: u32, _: u32, _: u32| 0_u32,
            )
            .function(
                "env",
                "opa_builtin4",
                |_: &mut HostContext<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| 0_u32,
            );
        let instance = Runner::new(config)?
            .load_plugin("policy", module)?
            .instantiate()?;
        let mut policy = Self {
            instance,
            data: 0,
            heap: 0,
        };
        policy.data = policy.parse(data)?;
        policy.heap = policy.call::<(), u32>("opa_heap_ptr_get", ())?;
        Ok(policy)
    }

    fn call<P: ValueList, R: ValueList>(&mut self, export: &str, params: P) -> Done<R> {
        let function = self.instance.typed::<P, R>(export)?;
        Ok(function.call_in(&mut self.instance, params)?)
    }

    /// Gives a JSON text to the policy, which returns a value's address.
    fn parse(&mut self, json: &str) -> Done<u32> {
        let length = u32::try_from(json.len())?;
        let place = self.call::<u32, u32>("opa_malloc", length)?;
        self.instance
            .memory("memory")?
            .write(place, json.as_bytes())?;
        match self.call::<(u32, u32), u32>("opa_json_parse", (place, length))? {
            0 => Err(format!("not JSON: {json}").into()),
            value => Ok(value),
        }
    }

    /// What the policy says of `input`, as JSON.
    fn decide(&mut self, input: &str) -> Done<String> {
        self.call::<u32, ()>("opa_heap_ptr_set", self.heap)?;
        let input = self.parse(input)?;
        let context = self.call::<(), u32>("opa_eval_ctx_new", ())?;
        self.call::<(u32, u32), ()>("opa_eval_ctx_set_data", (context, self.data))?;
        self.call::<(u32, u32), ()>("opa_eval_ctx_set_input", (context, input))?;
        self.call::<u32, u32>("eval", context)?;
        let result = self.call::<u32, u32>("opa_eval_ctx_get_result", context)?;
        let text = self.call::<u32, u32>("opa_json_dump", result)?;
        let mut memory = self.instance.memory("memory")?;
        Ok(memory.read_c_text(text, 65_536)?.to_owned())
    }
}

const DATA: &str = r#"{
    "user_roles": {"ada": ["editor"]},
    "role_permissions": {"editor": [
        {"action": "edit", "object": "article"},
        {"action": "create", "object": "article"}
    ]}
}"#;

fn main() -> Done<()> {
    let mut policy = Policy::load(packaged::file("policy.wasm")?, DATA)?;
    let cases = [
        (
            r#"{"user": "ada", "action": "edit", "object": "article"}"#,
            true,
        ),
        (
            r#"{"user": "ada", "action": "edit", "object": "account"}"#,
            false,
        ),
        (
            r#"{"user": "bob", "action": "edit", "object": "article"}"#,
            false,
        ),
    ];
    for (input, allowed) in cases {
        let decision = policy.decide(input)?;
        println!("{input}: {decision}");
        assert_eq!(decision, format!(r#"[{{"result":{allowed}}}]"#));
    }
    Ok(())
}
