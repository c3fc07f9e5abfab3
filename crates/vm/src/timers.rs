//! Timers and work queues: callbacks that run after the program that asked for them.
//!
//! A `struct bpf_timer` in a map value is only a name here: its state is kept beside the map, by map and address. One thread
//! serves all timers of the process, started with the first; it runs a callback as a run of its own. A timer ends with its
//! value (the map calls [`FieldHooks::release`]) and with its program, which it does not keep alive: a program that was dropped has
//! no callbacks any more.
//!
//! Order of locks: a pin may wait for a CPU slot, and a run that holds one may wait for the table. So nobody pins while
//! holding the table.

use std::collections::{BTreeMap, HashMap};
use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use skep_maps::{FieldHooks, FieldKind, Map, SpecialField, pin};
use skep_platform::Errno;
use skep_platform::errno::{EBUSY, EDEADLK, EINVAL, ENOMEM};

use crate::exec::{map_reg, run_function, value_pointer};
use crate::program::{Inner, Program};
use crate::prov::{Kind, Life, Perm, Reg};

/// Which timer: the map's id and the address of the field.
pub(crate) type Name = (u32, u64);

/// What a timer's callback is given, found out once.
pub(crate) struct Place {
    /// First byte of the value that the timer is in.
    pub(crate) value: u64,
    /// The value's key.
    pub(crate) key: Vec<u8>,
}

struct Timer {
    place: Arc<Place>,
    callback: Option<(Weak<Inner>, usize)>,
    /// When it fires, and its turn among those that fire then.
    armed: Option<(Instant, u64)>,
}

#[derive(Default)]
struct Table {
    timers: HashMap<Name, Timer>,
    queue: BTreeMap<(Instant, u64), Name>,
    /// The timer whose callback runs now.
    running: Option<Name>,
    turn: u64,
    server: Option<ThreadId>,
}

#[derive(Default)]
struct Service {
    table: Mutex<Table>,
    /// Rung when the first timer to fire changes, and when a callback ends.
    bell: Condvar,
}

fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(Service::default)
}

fn table() -> MutexGuard<'static, Table> {
    service().table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn disarm(&mut self, name: Name) -> bool {
        let Some(at) = self.timers.get_mut(&name).and_then(|t| t.armed.take()) else { return false };
        self.queue.remove(&at).is_some()
    }
}

/// Ends the timers and drops the objects of values that leave their map.
pub(crate) struct Hooks;

impl FieldHooks for Hooks {
    fn release(&self, map_id: u32, field: &SpecialField, at: NonNull<u8>) {
        if matches!(field.kind, FieldKind::KptrRef | FieldKind::KptrPercpu) {
            return crate::kptr::release_field(at);
        }
        let name = (map_id, at.as_ptr() as u64);
        let mut table = table();
        table.disarm(name);
        table.timers.remove(&name);
    }
}

/// `bpf_timer_init`, `bpf_wq_init`.
pub(crate) fn init(map: &Map, name: Name, place: impl FnOnce() -> Option<Place>) -> Result<(), Errno> {
    if table().timers.contains_key(&name) {
        return Err(EBUSY);
    }
    map.set_field_hooks(Arc::new(Hooks));
    // Looking for the key uses the map, which must not happen under the table: the map calls back into it.
    let place = Arc::new(place().ok_or(EINVAL)?);
    let mut table = table();
    if table.timers.contains_key(&name) {
        return Err(EBUSY);
    }
    table.timers.insert(name, Timer { place, callback: None, armed: None });
    Ok(())
}

/// `bpf_timer_set_callback` and its like.
pub(crate) fn set_callback(name: Name, program: &Program, entry: usize) -> Result<(), Errno> {
    let mut table = table();
    let timer = table.timers.get_mut(&name).ok_or(EINVAL)?;
    timer.callback = Some((Arc::downgrade(&program.0), entry));
    Ok(())
}

/// `bpf_timer_start`, `bpf_wq_start`.
pub(crate) fn start(name: Name, delay: Duration) -> Result<(), Errno> {
    let mut table = table();
    let ready = table.timers.get(&name).is_some_and(|t| t.callback.is_some());
    let due = Instant::now().checked_add(delay).ok_or(EINVAL)?;
    if !ready {
        return Err(EINVAL);
    }
    table.disarm(name);
    table.turn += 1;
    let at = (due, table.turn);
    if let Some(timer) = table.timers.get_mut(&name) {
        timer.armed = Some(at);
    }
    table.queue.insert(at, name);
    if table.server.is_none() {
        let thread =
            std::thread::Builder::new().name("skep-timers".to_owned()).spawn(serve).map_err(|_| ENOMEM)?;
        table.server = Some(thread.thread().id());
    }
    service().bell.notify_all();
    Ok(())
}

/// `bpf_timer_cancel`: whether it was going to fire. Waits for a callback that runs.
pub(crate) fn cancel(name: Name) -> Result<bool, Errno> {
    let mut table = table();
    if !table.timers.contains_key(&name) {
        return Err(EINVAL);
    }
    if table.running == Some(name) && table.server == Some(std::thread::current().id()) {
        return Err(EDEADLK);
    }
    let armed = table.disarm(name);
    // A callback that cancels another timer runs on the only thread, so it never waits for itself here.
    while table.running == Some(name) {
        table = service().bell.wait(table).unwrap_or_else(PoisonError::into_inner);
    }
    Ok(armed)
}

/// The thread.
fn serve() {
    let mut guard = table();
    loop {
        let now = Instant::now();
        let next = guard.queue.first_key_value().map(|(at, _)| at.0);
        guard = match next {
            None => service().bell.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(due) if due > now => {
                let waited = service().bell.wait_timeout(guard, due - now);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            Some(_) => {
                drop(guard);
                fire(now);
                table()
            }
        };
    }
}

/// Runs the callback of the first timer that is due.
fn fire(now: Instant) {
    // Pinned before the timer is looked up: from then on its value stays memory, whoever deletes it.
    let pinned = pin();
    let mut guard = table();
    let due = guard.queue.first_key_value().filter(|(at, _)| at.0 <= now).map(|(_, name)| *name);
    let Some(name) = due else { return };
    guard.disarm(name);
    let Some(timer) = guard.timers.get(&name) else { return };
    let place = timer.place.clone();
    let callback = timer.callback.as_ref().and_then(|(program, entry)| Some((program.upgrade()?, *entry)));
    let Some((program, entry)) = callback else { return };
    guard.running = Some(name);
    drop(guard);
    call(&Program(program), entry, name, &place);
    table().running = None;
    service().bell.notify_all();
    drop(pinned);
}

/// The callback gets the map, the key and the value.
fn call(program: &Program, entry: usize, name: Name, place: &Place) {
    let Some(number) = program.maps().iter().position(|m| m.id() == name.0) else { return };
    let map = &program.maps()[number];
    let result = run_function(program, entry, |_| {
        let number = number as u16;
        let key = &place.key;
        let mut key = Reg::pointer(Kind::MapKey, key.as_ptr() as u64, key.len(), Perm::READ, Life::RUN);
        key.prov.index = number;
        [map_reg(map, number), key, value_pointer(map, number, place.value)]
    });
    match result {
        Ok(0) => {}
        Ok(other) => {
            program.runtime().trace(&format!("timer callback of {}: returned {other}", program.name()))
        }
        Err(fault) => program.runtime().trace(&format!("timer callback of {}: {fault}", program.name())),
    }
}
