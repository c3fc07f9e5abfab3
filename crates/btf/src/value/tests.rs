//! What is shown, and that it reads back.

use serde_json::json;

use super::*;
use crate::tests::{Xorshift, sample};
use crate::{Btf, Builder, ByteOrder, IntEncoding, Kind, TypeId};

/// A flow as programs store it.
fn flows(order: ByteOrder) -> Btf {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let u8_ = b.int("unsigned char", 1, IntEncoding::UNSIGNED);
    let u16_ = b.int("unsigned short", 2, IntEncoding::UNSIGNED);
    let u32_ = b.int("unsigned int", 4, IntEncoding::UNSIGNED);
    let be16 = b.typedef("__be16", u16_);
    let be32 = b.typedef("__be32", u32_);
    let mac = b.array(u8_, int, 6);
    let v6 = b.array(u32_, int, 4);
    let in6 = b.structure("in6_addr", 16, &[("u6_addr32", v6, 0)]);
    let konst = b.qualified(Kind::Const, u32_);
    let members = [
        ("saddr", be32, 0),
        ("dst_ip", konst, 32),
        ("sport", be16, 64),
        ("count", u16_, 80),
        ("h_dest", mac, 96),
        ("seq", be32, 144),
        ("peer", in6, 176),
    ];
    b.structure("flow", 38, &members);
    Btf::parse(&b.build_as(order)).unwrap()
}

#[test]
fn addresses_are_addresses() {
    let mut bytes =
        vec![10, 0, 0, 1, 192, 168, 1, 254, 0, 80, 7, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0, 0, 1, 0];
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let btf = flows(ByteOrder::Little);
    let flow = btf.find("flow", Kind::Struct).unwrap();
    let value = format(&btf, flow, &bytes);
    assert_eq!(
        value.to_string(),
        "{ saddr = 10.0.0.1, dst_ip = 192.168.1.254, sport = 80, count = 7, h_dest = 52:54:00:12:34:56, \
         seq = 65536, peer = 2001:db8::1 }"
    );
    assert_eq!(value.to_json()["peer"], "2001:db8::1");
    assert_eq!(value.to_json()["sport"], 80);
    assert_eq!(parse_text(&btf, flow, &value.to_string()).unwrap(), bytes);
    assert_eq!(parse_json(&btf, flow, &value.to_json()).unwrap(), bytes);
    // In big-endian memory the plain numbers change and the addresses do not.
    let big = flows(ByteOrder::Big);
    let text = format(&big, flow, &bytes).to_string();
    assert!(
        text.starts_with("{ saddr = 10.0.0.1, dst_ip = 192.168.1.254, sport = 80, count = 1792,"),
        "{text}"
    );
    assert_eq!(parse_text(&big, flow, &text).unwrap(), bytes);
    let be32 = btf.find("__be32", Kind::Typedef).unwrap();
    assert_eq!(format(&btf, be32, &[127, 0, 0, 1]).to_string(), "127.0.0.1");
    let u32_ = btf.find("unsigned int", Kind::Int).unwrap();
    assert_eq!(format_named(&btf, u32_, "client_ip", &[127, 0, 0, 1]).to_string(), "127.0.0.1");
}

#[test]
fn every_kind_has_a_form() {
    let btf = Btf::parse(&sample().build_as(ByteOrder::Little)).unwrap();
    let task = btf.find("task", Kind::Struct).unwrap();
    let text = "{ comm = \"sh\\n\", color = GREEN, flags = { low = -3, high = 4095, on = true }, big = NEG, \
                count = 5, next = 0x5, size = 9, ratio = 0.5, where = 0xffff888000000000, on = false }";
    let bytes = parse_text(&btf, task, text).unwrap();
    assert_eq!(bytes.len(), 72);
    assert_eq!(&bytes[16..24], &[7, 0, 0, 0, 0xfd, 0x7f, 1, 0]);
    let value = format(&btf, task, &bytes);
    assert_eq!(value.to_string(), text);
    assert_eq!(value.field("big"), Some(&Value::Enum(Some("NEG".into()), -2)));
    assert_eq!(
        value.to_json(),
        json!({ "comm": "sh\n", "color": "GREEN", "flags": { "low": -3, "high": 4095, "on": true }, "big": "NEG",
                "count": 5, "next": "0x5", "size": 9, "ratio": 0.5, "where": "0xffff888000000000", "on": false })
    );
    assert_eq!(parse_json(&btf, task, &value.to_json()).unwrap(), bytes);
    let section = btf.find(".data", Kind::DataSec).unwrap();
    assert_eq!(format(&btf, section, &[1, 0, 0, 0, 0, 0, 0, 0]).to_string(), "{ current = 0x1 }");
    // Too few bytes: what is there is shown.
    assert!(
        format(&btf, task, &bytes[..20])
            .to_string()
            .starts_with("{ comm = \"sh\\n\", color = GREEN, flags = { low = 0x,")
    );
    let comm = TypeId(5);
    assert_eq!(format(&btf, comm, &[1; 16]).to_string(), "[1; 16]");
    assert_eq!(format(&btf, comm, b"\0bcdefghijklmnop").to_string().split(',').next(), Some("[0"));
    assert_eq!(parse_text(&btf, comm, "[1; 16]").unwrap(), [1; 16]);
    assert_eq!(parse_text(&btf, comm, "['a', 98]").unwrap()[..3], *b"ab\0");
}

#[test]
fn errors_say_which_part() {
    let btf = Btf::parse(&sample().build()).unwrap();
    let task = btf.find("task", Kind::Struct).unwrap();
    for (text, message) in [
        (
            "{ colour = 1 }",
            "value: expected one of the fields comm, color, flags, big, count, next, size, ratio, …, found `colour`",
        ),
        ("{ color = BLUE }", "color: expected a number or one of RED, GREEN, found `BLUE`"),
        ("{ flags = { low = 4 } }", "flags.low: expected a number from -4 to 3, found `4`"),
        ("{ comm = \"aaaaaaaaaaaaaaaaa\" }", "comm: expected at most 16 bytes, found 17 bytes"),
        ("{ comm = [1, x] }", "comm[1]: expected a number, found `x`"),
        ("{ on = [1 }", "column 11: expected `,` or `]`, found `}`"),
        ("{ on = 1 } 2", "column 12: expected the end, found `2`"),
        ("7", "value: expected a struct in braces, or all its bytes as 0x…, found `7`"),
        ("", "column 1: expected a value, found the end"),
    ] {
        assert_eq!(parse_text(&btf, task, text).unwrap_err().to_string(), message);
    }
    assert!(parse_text(&btf, task, &"[".repeat(100_000)).is_err());
    assert!(parse_text(&btf, TypeId::VOID, "1").is_err());
}

#[test]
fn what_is_shown_reads_back() {
    let mut random = Xorshift(7);
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let btf = flows(order);
        let flow = btf.find("flow", Kind::Struct).unwrap();
        for _ in 0..300 {
            let bytes: Vec<u8> = (0..38).map(|_| random.next() as u8).collect();
            let value = format(&btf, flow, &bytes);
            assert_eq!(parse_text(&btf, flow, &value.to_string()).unwrap(), bytes, "{value}");
            assert_eq!(parse_json(&btf, flow, &value.to_json()).unwrap(), bytes, "{value}");
        }
    }
}

#[test]
fn trees_stay_small() {
    let mut b = Builder::new();
    let byte = b.int("unsigned char", 1, IntEncoding::UNSIGNED);
    let mut inner = byte;
    for _ in 0..30 {
        inner = b.union("u", 8, &[("a", inner, 0), ("b", inner, 0)]);
    }
    let nothing = b.structure("nothing", 0, &[]);
    b.array(nothing, byte, u32::MAX);
    b.structure("self", 8, &[("again", TypeId(nothing.0 + 2), 0)]);
    b.array(byte, byte, u32::MAX);
    let btf = Btf::parse(&b.build()).unwrap();
    for (id, _) in btf.types() {
        format(&btf, id, &[1; 64]);
    }
}
