//! The gateway, driven over loopback as its clients do: one topic a file.

mod bad_requests;
mod browser;
mod cgi;
mod client;
mod doors;
mod guide;
mod limits;
mod middleware;
mod operated;
mod reload;
mod routes;
mod server;
mod stop;
mod wire;
