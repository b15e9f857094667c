//! The gateway, driven over loopback as its clients do: one topic a file.

mod bad_requests;
mod browser;
mod cgi;
mod client;
mod doors;
mod guide;
mod handlers;
mod limits;
mod middleware;
mod reload;
mod routes;
mod server;
mod stop;
