//! What the extensions (`freplace`) of an object replace: functions of programs of another object.
//!
//! The section `freplace/FUNCTION` names the function, not the program it is in. A program of that name is the first choice; otherwise it is the
//! program that has the function. Where several have it and nobody says which is meant, there is no answer: the same function can
//! be in programs of two types, and the extension would be judged by the wrong one.

use std::sync::Arc;

use skep_object::{Object, Program};
use skep_verifier::Extended;

use crate::verify::{Cases, Setting};

/// An object whose programs are extended.
#[derive(Clone, Debug)]
pub struct Extends {
    /// The object.
    pub object: Arc<Object>,
    /// The program that has the functions to replace; `None` to look for it.
    pub program: Option<String>,
}

impl Extends {
    /// The function of this name, with what the verifier must know of its program.
    ///
    /// # Errors
    /// In a sentence: when there is no such program or function, more than one, or it has no type.
    pub(crate) fn function(&self, name: &str, setting: &Setting) -> Result<Extended, String> {
        let program = self.owner(name)?;
        let at = self.start(program, name)?;
        // The other object is taken as it comes; what is set is set in the extension's.
        let plain = Setting { variables: Vec::new(), extends: None, ..setting.clone() };
        let cases = Cases::new(&self.object, &plain).map_err(|error| error.to_string())?;
        let case = cases.case(program);
        match case.unfit {
            Some(reason) => Err(format!("{}: {}: {reason}", self.object.name, program.name)),
            None => Extended::of(&case.input, at)
                .map_err(|problem| format!("{}: {}: {problem}", self.object.name, program.name)),
        }
    }

    fn owner(&self, name: &str) -> Result<&Program, String> {
        let object = &self.object;
        if let Some(wanted) = &self.program {
            return object
                .program(wanted)
                .ok_or_else(|| format!("{} has no program {wanted} to extend", object.name));
        }
        if let Some(program) = object.program(name) {
            return Ok(program);
        }
        let has = |program: &&Program| program.subprograms.iter().any(|function| function.name == name);
        let owners: Vec<&Program> = object.programs.iter().filter(has).collect();
        match owners[..] {
            [one] => Ok(one),
            [] => Err(format!("{} has no function {name} to replace", object.name)),
            _ => {
                let names: Vec<_> = owners.iter().map(|program| program.name.as_str()).collect();
                Err(format!(
                    "several programs of {} have a function {name} ({}): say which is extended, as in `--extends {}:{}`",
                    object.name,
                    names.join(", "),
                    object.name,
                    names[0]
                ))
            }
        }
    }

    fn start(&self, program: &Program, name: &str) -> Result<usize, String> {
        let function = program.subprograms.iter().find(|function| function.name == name);
        function.map(|function| function.start).ok_or_else(|| {
            format!("the program {} of {} has no function {name} to replace", program.name, self.object.name)
        })
    }
}
