//! A line's program.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use serde_json::Value;
use skep_btf::{Btf, TypeId};
use skep_isa::{ByteOrder, RawInsn};
use skep_platform::{AttachType, ProgramType, Release};
use skep_verifier::{Code, FunctionInfo, Input, Rejection, Report, Stats, Verdict};

use super::super::types;
use super::fields::Fields;
use super::hex::base64;
use super::{maps, relocs, target};

/// How BTF begins in base 64: its magic number in either byte order, and version 1.
const BASE64_STARTS: [&str; 2] = ["n+sB", "658B"];

/// Bytes of a function record where the line does not say: `struct bpf_func_info`.
const FUNC_INFO: u32 = 8;
/// The longest that Linux takes.
const MAX_FUNC_INFO: u32 = 252;

/// BTFs kept for the lines that follow; a file often names the same one on every line.
const KEEP: usize = 64;

/// Reads programs, and keeps what they share.
pub(super) struct Reader {
    release: Release,
    unprivileged: bool,
    pub(super) kernel: Option<Arc<Btf>>,
    known: HashMap<String, Arc<Btf>>,
}

/// What a line turned out to hold.
pub(super) enum Reading {
    /// A program to verify.
    Program(Box<Input>),
    /// A program that is judged already, because what it needs does not exist.
    Refused(Report),
}

/// Why a program is not there to be verified.
pub(super) enum Problem {
    /// The line is not in the format.
    Malformed(String),
    /// The line is in the format, but names what is not there; this is the verdict.
    Verdict(Report),
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Malformed(text)
    }
}

impl Problem {
    /// Nothing can be said of the program.
    pub(super) fn unsupported(reason: String) -> Self {
        Self::Verdict(skep::verify::unsupported(reason))
    }

    /// Linux would not look further.
    fn rejected(message: String) -> Self {
        let rejection = Rejection::new(Code::BadProgram, 0, None, message);
        Self::Verdict(Report { verdict: Verdict::Rejected(Box::new(rejection)), stats: Stats::default() })
    }
}

impl Reader {
    pub(super) fn new(release: Release, unprivileged: bool, kernel: Option<Arc<Btf>>) -> Self {
        Self { release, unprivileged, kernel, known: HashMap::new() }
    }

    /// The program that a line's fields say.
    pub(super) fn read(&mut self, fields: &Fields<'_>) -> Result<Reading, String> {
        match self.input(fields) {
            Ok(input) => Ok(Reading::Program(Box::new(input))),
            Err(Problem::Verdict(report)) => Ok(Reading::Refused(report)),
            Err(Problem::Malformed(text)) => Err(text),
        }
    }

    fn input(&mut self, fields: &Fields<'_>) -> Result<Input, Problem> {
        let insns = instructions(fields)?;
        let program_type = program_type(fields)?;
        let mut input = Input::new(program_type, insns);
        input.name = fields.text("name")?.unwrap_or_default().to_owned();
        input.attach_type = attach_type(fields, program_type)?;
        input.flags = fields.number32("prog_flags")?;
        input.license = fields.text("license")?.unwrap_or_default().to_owned();
        input.unprivileged = self.unprivileged || fields.flag("unprivileged")?;
        input.release = self.release;
        target::set(&mut input, fields.text("attach_btf_name")?, self.kernel.as_deref())?;
        input.btf = self.btf(fields, "btf")?;
        input.functions = functions(fields)?;
        input.kernel_btf.clone_from(&self.kernel);
        input.maps = maps::read(self, fields, input.btf.as_ref())?;
        relocs::apply(fields, self.kernel.as_deref(), &mut input)?;
        Ok(input)
    }

    /// BTF that a field names: a path, or the bytes in base 64.
    pub(super) fn btf(&mut self, fields: &Fields<'_>, name: &str) -> Result<Option<Arc<Btf>>, Problem> {
        let Some(text) = fields.text(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        if let Some(known) = self.known.get(text) {
            return Ok(Some(known.clone()));
        }
        let wrong = |problem: String| format!("{}: {problem}", fields.path(name));
        let bytes = if BASE64_STARTS.iter().any(|start| text.starts_with(start)) {
            base64(text).map_err(wrong)?
        } else {
            fs::read(text).map_err(|error| wrong(format!("cannot read {text}: {error}")))?
        };
        // The bytes are there; what is wrong with them the kernel would find.
        let btf = types(&bytes).map_err(|problem| Problem::rejected(wrong(problem)))?;
        let btf = Arc::new(btf);
        if self.known.len() >= KEEP {
            self.known.clear();
        }
        self.known.insert(text.to_owned(), btf.clone());
        Ok(Some(btf))
    }
}

fn instructions(fields: &Fields<'_>) -> Result<Vec<RawInsn>, String> {
    let bytes = fields.hex("insns")?.ok_or_else(|| fields.wrong("insns", "the program in hexadecimal"))?;
    if !bytes.len().is_multiple_of(RawInsn::SIZE) {
        return Err(format!(
            "insns: expected {} bytes an instruction, found {} bytes",
            RawInsn::SIZE,
            bytes.len()
        ));
    }
    skep_isa::from_bytes(&bytes, ByteOrder::Little).map_err(|error| format!("insns: {error}"))
}

fn program_type(fields: &Fields<'_>) -> Result<ProgramType, Problem> {
    match fields.named("prog_type", ProgramType::from_number, program_type_named)? {
        Some(Ok(found)) => Ok(found),
        Some(Err(number)) => Err(Problem::rejected(format!("there is no program type {number}"))),
        None => Err(Problem::Malformed(fields.wrong("prog_type", "a number or a name"))),
    }
}

/// A type by its own name, or by the name of a section that holds such programs (`tc`).
fn program_type_named(name: &str) -> Option<ProgramType> {
    ProgramType::from_name(name).or_else(|| skep::assembly::program_kind(name)?.program_type)
}

fn attach_type(fields: &Fields<'_>, program_type: ProgramType) -> Result<Option<AttachType>, Problem> {
    match fields.named("expected_attach_type", AttachType::from_number, AttachType::from_name)? {
        None => Ok(None),
        Some(Ok(found)) => Ok(Some(found)),
        Some(Err(_)) if !program_type.checks_attach_type() => Ok(None),
        Some(Err(number)) => Err(Problem::rejected(format!("there is no attach type {number}"))),
    }
}

fn functions(fields: &Fields<'_>) -> Result<Vec<FunctionInfo>, String> {
    let size = match fields.number32("func_info_rec_size")? {
        0 => FUNC_INFO,
        size @ FUNC_INFO..=MAX_FUNC_INFO if size.is_multiple_of(4) => size,
        size => {
            return Err(format!(
                "func_info_rec_size: expected a multiple of 4 from 8 to {MAX_FUNC_INFO}, found {size}"
            ));
        }
    };
    let bytes = fields.hex("func_info")?.unwrap_or_default();
    if !bytes.len().is_multiple_of(size as usize) {
        return Err(format!("func_info: expected records of {size} bytes, found {} bytes", bytes.len()));
    }
    let word = |record: &[u8], at: usize| {
        record[at..at + 4].iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte))
    };
    let record =
        |record: &[u8]| FunctionInfo { start: word(record, 0) as usize, type_id: TypeId(word(record, 4)) };
    Ok(bytes.chunks_exact(size as usize).map(record).collect())
}

/// An index or a name among `maps`, as relocations and inner maps refer to them.
pub(super) fn map_index(value: &Value, names: &[&str]) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok().filter(|&index| index < names.len()),
        Value::String(name) => names.iter().position(|known| known == name),
        _ => None,
    }
}
