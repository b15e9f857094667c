//! Tests of the gateway, over loopback and as its clients use it. One module per topic.

mod backtraces;
mod bad_requests;
mod browser;
mod cgi;
mod client;
mod doors;
mod files;
mod guide;
mod handlers;
mod limits;
mod middleware;
mod operated;
mod recordings;
mod reload;
mod routes;
mod server;
mod stop;
mod wire;
