//! Attaching programs to a place in the application, and exchanging them under load.
//!
//! A [`Point`] is that place: the application [fires](Point::fire) it for each event. A [`Link`] is one program's seat at
//! a point; [`Link::replace`] puts another program on the seat in one atomic step. Whoever fires meanwhile runs either the old or the
//! new one, never both and never none; a run that has begun with the old one ends with it. So no event is missed and
//! none is seen twice, without a lock on the way of an event.
//!
//! Invariant: the list of seats is never changed in place. Attaching and detaching store a new list, so an event sees one list
//! from its first program to its last.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use skep_vm::{Context, Fault, Hook, Outcome, Program};

use crate::error::Error;

/// A place in the application that programs attach to. Cheap to clone; clones are the same place.
#[derive(Clone, Debug)]
pub struct Point(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hook: Hook,
    seats: ArcSwap<Vec<Arc<Seat>>>,
    /// Held while the list is replaced; events do not take it.
    writer: Mutex<()>,
}

#[derive(Debug)]
struct Seat {
    program: ArcSwap<Program>,
}

/// A program's seat at a point. Dropping it detaches the program; [`Link::keep`] leaves it there for ever.
#[derive(Debug)]
#[must_use = "dropping a link detaches its program"]
pub struct Link {
    point: Weak<Inner>,
    seat: Arc<Seat>,
}

impl Point {
    /// A place of that kind, with nothing attached.
    pub fn new(hook: Hook) -> Self {
        Self(Arc::new(Inner { hook, seats: ArcSwap::default(), writer: Mutex::new(()) }))
    }

    /// The kind of place.
    pub fn hook(&self) -> &Hook {
        &self.0.hook
    }

    /// Attaches a program behind those that are attached already.
    ///
    /// # Errors
    /// [`Error::WrongHook`] when the program was loaded for another kind of place.
    pub fn attach(&self, program: &Program) -> Result<Link, Error> {
        self.0.accepts(program)?;
        let seat = Arc::new(Seat { program: ArcSwap::from_pointee(program.clone()) });
        self.0.edit(|seats| seats.push(seat.clone()));
        Ok(Link { point: Arc::downgrade(&self.0), seat })
    }

    /// How many programs are attached.
    pub fn attached(&self) -> usize {
        self.0.seats.load().len()
    }

    /// Runs every attached program on an event, in the order of attachment, and gives the last one's outcome; `None`
    /// when nothing is attached. An event sees the seats that there were when it began.
    ///
    /// # Errors
    /// The fault of the first program that breaks a rule; those behind it do not run.
    pub fn fire(&self, context: &mut dyn Context) -> Result<Option<Outcome>, Fault> {
        self.fire_until(context, |_| false)
    }

    /// As [`Point::fire`], but stops after the first outcome that `enough` accepts: for verdicts that are final.
    ///
    /// # Errors
    /// As [`Point::fire`].
    pub fn fire_until(
        &self,
        context: &mut dyn Context,
        mut enough: impl FnMut(&Outcome) -> bool,
    ) -> Result<Option<Outcome>, Fault> {
        let mut last = None;
        for seat in self.0.seats.load().iter() {
            // Taken out of the seat for the whole run: the program stays alive even if it is replaced meanwhile.
            let program = seat.program.load();
            let outcome = program.run(context)?;
            let stop = enough(&outcome);
            last = Some(outcome);
            if stop {
                break;
            }
        }
        Ok(last)
    }
}

impl Inner {
    fn accepts(&self, program: &Program) -> Result<(), Error> {
        if program.hook().name() == self.hook.name() {
            return Ok(());
        }
        Err(Error::WrongHook {
            program: program.name().to_owned(),
            loaded_for: program.hook().name().to_owned(),
            point: self.hook.name().to_owned(),
        })
    }

    fn edit(&self, change: impl FnOnce(&mut Vec<Arc<Seat>>)) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seats = Vec::clone(&self.seats.load());
        change(&mut seats);
        self.seats.store(Arc::new(seats));
    }
}

impl Link {
    /// Puts another program on this seat, atomically, and gives back the one that sat there.
    ///
    /// # Errors
    /// [`Error::WrongHook`] when the program was loaded for another kind of place, [`Error::Detached`] when the point is gone.
    pub fn replace(&self, program: &Program) -> Result<Program, Error> {
        let point = self.point.upgrade().ok_or(Error::Detached)?;
        point.accepts(program)?;
        Ok(Program::clone(&self.seat.program.swap(Arc::new(program.clone()))))
    }

    /// The program that sits here now.
    pub fn program(&self) -> Program {
        Program::clone(&self.seat.program.load())
    }

    /// Takes the program off. Runs that have begun still end.
    pub fn detach(self) {}

    /// Leaves the program attached for as long as the point lives, without a handle to it.
    pub fn keep(mut self) {
        self.point = Weak::new();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(point) = self.point.upgrade() {
            point.edit(|seats| seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat)));
        }
    }
}
