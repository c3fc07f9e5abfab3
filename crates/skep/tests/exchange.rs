//! Programs exchanged under load: no event is missed and none is seen twice. The example is the test.

#[path = "../../../examples/embed.rs"]
mod embed;

#[test]
fn a_million_requests_under_exchange() {
    embed::main().unwrap();
}
