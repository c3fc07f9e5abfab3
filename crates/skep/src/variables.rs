//! Global variables: their values before the first run.

use skep_btf::{Btf, TypeId, value};
use skep_object::{MapDef, Object, Variable};

use crate::error::Error;

/// The initial bytes of every map of the object, with the given variables set; empty for maps that are not global data.
///
/// A variable that several sections define (file-local ones of the same name) is set in all of them.
pub(crate) fn initial_contents(object: &Object, set: &[(String, String)]) -> Result<Vec<Vec<u8>>, Error> {
    let mut contents: Vec<Vec<u8>> = object.maps.iter().map(|map| map.initial.clone()).collect();
    for (name, text) in set {
        let fail =
            |problem: String| Error::Variable { object: object.name.clone(), name: name.clone(), problem };
        let mut found = false;
        for (map, bytes) in object.maps.iter().zip(&mut contents) {
            for variable in map.variables.iter().filter(|variable| variable.name == *name) {
                let parsed = parse(object, variable, text).map_err(fail)?;
                let place = variable.offset as usize..variable.offset as usize + parsed.len();
                bytes
                    .get_mut(place)
                    .ok_or_else(|| fail(format!("lies outside of {}", map.name)))?
                    .copy_from_slice(&parsed);
                found = true;
            }
        }
        if !found {
            return Err(fail(format!("there is none of that name; there are: {}", names(object))));
        }
    }
    Ok(contents)
}

fn parse(object: &Object, variable: &Variable, text: &str) -> Result<Vec<u8>, String> {
    let (btf, id): (&Btf, TypeId) = match (&object.btf, variable.type_id) {
        (Some(btf), Some(id)) => (btf, id),
        _ => return Err("its type is unknown: compile the object with -g".to_owned()),
    };
    value::parse_text(btf, id, text).map_err(|error| error.to_string())
}

fn names(object: &Object) -> String {
    let variables = |map: &MapDef| map.variables.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
    let names: Vec<String> = object.maps.iter().flat_map(variables).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
