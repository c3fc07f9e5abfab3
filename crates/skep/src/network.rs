//! The network that programs believe in, from a JSON file.
//!
//! ```json
//! {
//!   "devices": [{ "index": 2, "name": "eth0", "mac": "02:00:00:00:00:02", "mtu": 1500 }],
//!   "routes": [{ "to": "0.0.0.0/0", "via": "192.0.2.1", "dev": "eth0" }],
//!   "neighbours": [{ "ip": "192.0.2.1", "mac": "02:00:00:00:00:01", "dev": "eth0" }],
//!   "sockets": [{ "protocol": "tcp", "local": "192.0.2.10:443" }]
//! }
//! ```
//!
//! Every part may be left out; what is left out of a record has the default of the type it becomes
//! ([`Device`], [`Route`], [`Socket`]). Unknown names are errors, so that a typing mistake does not pass for a default.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use skep_vm::net::{Device, Environment, Route, RouteKind, Socket, Transport};

/// Reads the network from JSON text.
///
/// # Errors
/// One line that says where in the text what was expected.
pub fn parse(text: &str) -> Result<Environment, String> {
    // Serde takes a list for a structure's members in order, which nobody means.
    if text.trim_start().starts_with('[') {
        return Err(
            "expected an object with devices, routes, neighbours and sockets, found a list".to_owned()
        );
    }
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    file.build()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    devices: Vec<DeviceRecord>,
    routes: Vec<RouteRecord>,
    neighbours: Vec<NeighbourRecord>,
    sockets: Vec<SocketRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceRecord {
    index: u32,
    name: String,
    mac: Option<String>,
    mtu: Option<u32>,
    up: Option<bool>,
    forwarding: Option<bool>,
    peer: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteRecord {
    to: String,
    via: Option<IpAddr>,
    dev: String,
    table: Option<u32>,
    kind: Option<Kind>,
    mtu: Option<u32>,
    metric: Option<u32>,
    src: Option<IpAddr>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Unicast,
    Local,
    Broadcast,
    Blackhole,
    Unreachable,
    Prohibit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeighbourRecord {
    ip: IpAddr,
    mac: String,
    dev: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketRecord {
    protocol: Protocol,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    mark: Option<u32>,
    priority: Option<u32>,
    uid: Option<u32>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Tcp,
    Udp,
}

impl File {
    fn build(self) -> Result<Environment, String> {
        let mut environment = Environment::default();
        for record in self.devices {
            let mac = record.mac.as_deref().map_or(Ok([0; 6]), mac)?;
            let mut device = Device::ethernet(record.index, &record.name, mac);
            device.mtu = record.mtu.unwrap_or(device.mtu);
            device.up = record.up.unwrap_or(device.up);
            device.forwarding = record.forwarding.unwrap_or(device.forwarding);
            device.peer = record.peer;
            environment.devices.add(device);
        }
        for record in self.routes {
            let (prefix, length) = prefix(&record.to)?;
            let ifindex = device(&environment, &record.dev)?;
            let mut route = Route::unicast(prefix, length, ifindex, record.via);
            route.table = record.table.unwrap_or(route.table);
            route.metric = record.metric.unwrap_or(route.metric);
            route.mtu = record.mtu;
            route.source = record.src;
            route.kind = match record.kind.unwrap_or(Kind::Unicast) {
                Kind::Unicast => RouteKind::Unicast,
                Kind::Local => RouteKind::Local,
                Kind::Broadcast => RouteKind::Broadcast,
                Kind::Blackhole => RouteKind::Blackhole,
                Kind::Unreachable => RouteKind::Unreachable,
                Kind::Prohibit => RouteKind::Prohibit,
            };
            environment.fib.add_route(route);
        }
        for record in self.neighbours {
            let ifindex = device(&environment, &record.dev)?;
            environment.fib.add_neighbour(ifindex, record.ip, mac(&record.mac)?);
        }
        for record in self.sockets {
            let transport = match record.protocol {
                Protocol::Tcp => Transport::Tcp,
                Protocol::Udp => Transport::Udp,
            };
            let mut socket = match record.remote {
                Some(remote) => Socket::connected(transport, record.local, remote),
                None => Socket::waiting(transport, record.local),
            };
            socket.mark = record.mark.unwrap_or(0);
            socket.priority = record.priority.unwrap_or(0);
            socket.uid = record.uid.unwrap_or(0);
            environment.sockets.add(socket);
        }
        Ok(environment)
    }
}

fn device(environment: &Environment, name: &str) -> Result<u32, String> {
    let found = environment.devices.named(name).map(|device| device.index);
    found.ok_or_else(|| format!("no device is called `{name}`: list it under \"devices\""))
}

fn mac(text: &str) -> Result<[u8; 6], String> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("`{text}` is no Ethernet address: expected six bytes, 02:00:00:00:00:01"))
}

fn prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("`{text}` is no prefix: expected an address and its length, 10.0.0.0/8");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let length: u8 = length.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length > most { Err(wrong()) } else { Ok((address, length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_read() {
        let text = r#"{
            "devices": [{ "index": 2, "name": "eth0", "mac": "02:00:00:00:00:02", "mtu": 1400 }],
            "routes": [{ "to": "0.0.0.0/0", "via": "192.0.2.1", "dev": "eth0" }],
            "neighbours": [{ "ip": "192.0.2.1", "mac": "02:00:00:00:00:01", "dev": "eth0" }],
            "sockets": [{ "protocol": "tcp", "local": "192.0.2.10:443" }]
        }"#;
        let environment = parse(text).unwrap();
        assert_eq!(environment.devices.named("eth0").unwrap().mtu, 1400);
        let route = environment.fib.route([198, 51, 100, 1].into(), None, None).unwrap();
        assert_eq!((route.ifindex, route.gateway), (2, Some([192, 0, 2, 1].into())));
        assert_eq!(environment.fib.neighbour(2, [192, 0, 2, 1].into()), Some([2, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| parse(text).unwrap_err();
        assert!(error(r#"{"device": []}"#).contains("unknown field `device`"));
        assert!(
            error(r#"{"routes": [{"to": "10.0.0.0", "dev": "lo"}]}"#)
                .contains("expected an address and its length")
        );
        assert!(
            error(r#"{"routes": [{"to": "10.0.0.0/8", "dev": "eth9"}]}"#)
                .contains("no device is called `eth9`")
        );
        assert!(
            error(r#"{"neighbours": [{"ip": "::1", "mac": "x", "dev": "lo"}]}"#)
                .contains("no Ethernet address")
        );
    }
}
