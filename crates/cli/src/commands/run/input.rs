//! What `--on`, `--set` and `--clock` mean.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use skep::net::Transport;

/// `--on`
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// `pcap:FILE`
    Capture(PathBuf),
    /// `hex:BYTES`: one packet
    Packet(Vec<u8>),
    /// `ctx:BYTES`: the memory of a context
    Context(Vec<u8>),
    /// `args:N,N,…`
    Arguments(Vec<u64>),
    /// `lookup:tcp,REMOTE,LOCAL`
    Lookup {
        /// TCP or UDP.
        transport: Transport,
        /// Who sends.
        remote: SocketAddr,
        /// To whom.
        local: SocketAddr,
    },
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pcap", path)) if !path.is_empty() => Ok(Self::Capture(path.into())),
            Some(("hex", bytes)) => hex(bytes).map(Self::Packet),
            Some(("ctx", bytes)) => hex(bytes).map(Self::Context),
            Some(("args", list)) => {
                list.split(',').map(number).collect::<Result<_, _>>().map(Self::Arguments)
            }
            Some(("lookup", text)) => lookup(text),
            _ if text.ends_with(".pcap") || text.ends_with(".pcapng") => Ok(Self::Capture(text.into())),
            _ => {
                Err("expected pcap:FILE, hex:BYTES, ctx:BYTES, args:N,N,… or lookup:tcp,REMOTE,LOCAL"
                    .to_owned())
            }
        }
    }
}

/// `tcp,REMOTE,LOCAL`
fn lookup(text: &str) -> Result<Input, String> {
    let expected = "expected lookup:tcp,REMOTE,LOCAL or lookup:udp,REMOTE,LOCAL";
    let mut parts = text.split(',').map(str::trim);
    let (Some(transport), Some(remote), Some(local), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(expected.to_owned());
    };
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return Err(expected.to_owned()),
    };
    let end = |text: &str| {
        let wrong =
            || format!("`{text}` is no address with a port: expected 192.0.2.1:80 or [2001:db8::1]:80");
        text.parse::<SocketAddr>().map_err(|_| wrong())
    };
    let (remote, local) = (end(remote)?, end(local)?);
    if remote.is_ipv4() != local.is_ipv4() {
        return Err(format!("{remote} and {local} are not of one family"));
    }
    Ok(Input::Lookup { transport, remote, local })
}

/// `NAME=VALUE`
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("expected VARIABLE=VALUE".to_owned()),
    }
}

/// `--map`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// `MAP.max_entries=N`
    Entries(String, u32),
    /// `MAP.value_size=N`
    Value(String, u32),
}

/// `MAP.FIELD=N`
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let expected = || "expected MAP.max_entries=N or MAP.value_size=N".to_owned();
    let (place, size) = text.split_once('=').ok_or_else(expected)?;
    let (map, field) = place.rsplit_once('.').ok_or_else(expected)?;
    let size = u32::try_from(number(size)?).map_err(|_| format!("{size} is more than 32 bits"))?;
    match field {
        "max_entries" => Ok(Size::Entries(map.to_owned(), size)),
        "value_size" => Ok(Size::Value(map.to_owned(), size)),
        _ => Err(expected()),
    }
}

/// `--type`
pub(crate) fn kind(text: &str) -> Result<skep_object::ProgramKind, String> {
    skep::assembly::program_kind(text)
        .ok_or_else(|| "expected a section name or a program type, see `skep features`".to_owned())
}

/// `--clock`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClockChoice {
    /// The time stamp of the packet at hand
    Capture,
    /// This machine's clock
    Now,
}

/// Hexadecimal bytes; blanks, colons and a leading `0x` are ignored.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let digit = |c: char| c.to_digit(16).ok_or_else(|| format!("`{c}` is no hexadecimal digit"));
    if !digits.len().is_multiple_of(2) {
        return Err(format!("{} hexadecimal digits: expected two for each byte", digits.len()));
    }
    digits.chunks(2).map(|pair| Ok((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse().or_else(|_| text.parse::<i64>().map(|n| n as u64)),
    };
    parsed.map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_people_paste_them() {
        assert_eq!(hex("0x0a0B").unwrap(), [10, 11]);
        assert_eq!(hex("de:ad be ef").unwrap(), [0xde, 0xad, 0xbe, 0xef]);
        assert!(hex("abc").unwrap_err().contains("two for each byte"));
        assert!(hex("zz").unwrap_err().contains("`z`"));
    }

    #[test]
    fn sizes_name_map_and_field() {
        assert_eq!(size("start.max_entries=0x10"), Ok(Size::Entries("start".into(), 16)));
        assert_eq!(size(".bss.value_size=8"), Ok(Size::Value(".bss".into(), 8)));
        for wrong in ["start", "start=1", "start.key_size=1", "start.max_entries=4294967296"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_may_be_hexadecimal_or_negative() {
        let Ok(Input::Arguments(list)) = "args:1,0x10,-1".parse() else { panic!() };
        assert_eq!(list, [1, 16, u64::MAX]);
        assert!("nonsense".parse::<Input>().is_err());
    }
}
