//! Lives of objects, and the resources a run must give back.
//!
//! A life is a slot and a generation (see [`crate::prov`]). Slot 0 is for ever, slot 1 is the packet, the next eight are the stack frames;
//! the rest are handed out to what a program acquires. An acquired object that must be released carries a [`Resource`]: what
//! is left when the run ends is a leak, and is undone so that a faulty program cannot harm the engine.

use crate::prov::Life;

use super::machine::FRAMES;

const PACKET: u32 = 1;
const FIRST_FRAME: u32 = 2;
const FIRST_OBJECT: u32 = FIRST_FRAME + FRAMES as u32;

/// How a resource that was never released is undone.
pub(crate) type Undo = Box<dyn FnOnce()>;

/// Something acquired.
pub(crate) struct Resource {
    /// What a fault calls it: `ring buffer record`.
    pub(crate) what: &'static str,
    /// Slot of the call that acquired it.
    pub(crate) at: usize,
    /// Whether it must be released before the run ends; if not it merely can die.
    pub(crate) owned: bool,
    /// Dies with this one: slices die with their dynptr.
    pub(crate) parent: Life,
    /// What else belongs to it.
    pub(crate) undo: Option<Undo>,
}

/// The table of lives.
pub(crate) struct Lives {
    generations: Vec<u32>,
    resources: Vec<Option<Resource>>,
    free: Vec<u32>,
    /// Resources that must still be released.
    pub(crate) owned: usize,
}

impl Lives {
    pub(crate) fn new() -> Self {
        Self {
            generations: vec![0; FIRST_OBJECT as usize],
            resources: Vec::new(),
            free: Vec::new(),
            owned: 0,
        }
    }

    #[inline]
    pub(crate) fn alive(&self, life: Life) -> bool {
        self.generations.get(life.slot as usize) == Some(&life.generation)
    }

    /// The generations, for the inner loop. Every `Life` that was ever made indexes it; it moves when something is acquired.
    #[inline]
    pub(crate) fn table(&self) -> *const u32 {
        self.generations.as_ptr()
    }

    fn now(&self, slot: u32) -> Life {
        Life { slot, generation: self.generations[slot as usize] }
    }

    fn end(&mut self, slot: u32) {
        let generation = &mut self.generations[slot as usize];
        *generation = generation.wrapping_add(1);
    }

    pub(crate) fn packet(&self) -> Life {
        self.now(PACKET)
    }

    /// All pointers to the packet die.
    pub(crate) fn packet_moved(&mut self) {
        self.end(PACKET);
    }

    pub(crate) fn frame(&self, depth: usize) -> Life {
        self.now(FIRST_FRAME + depth as u32)
    }

    /// All pointers to the frame die.
    #[inline]
    pub(crate) fn leave_frame(&mut self, depth: usize) {
        self.end(FIRST_FRAME + depth as u32);
    }

    /// A new life with what belongs to it.
    pub(crate) fn acquire(&mut self, resource: Resource) -> Life {
        self.owned += usize::from(resource.owned);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.generations.push(0);
                self.resources.push(None);
                self.generations.len() as u32 - 1
            }
        };
        self.resources[(slot - FIRST_OBJECT) as usize] = Some(resource);
        self.now(slot)
    }

    /// The resource of a life that is not over.
    pub(crate) fn resource(&self, life: Life) -> Option<&Resource> {
        if life.slot < FIRST_OBJECT || !self.alive(life) {
            return None;
        }
        self.resources.get((life.slot - FIRST_OBJECT) as usize)?.as_ref()
    }

    /// Ends a life and all that hang on it; gives its resource to whoever released it.
    pub(crate) fn release(&mut self, life: Life) -> Option<Resource> {
        if life.slot < FIRST_OBJECT || !self.alive(life) {
            return None;
        }
        let resource = self.resources.get_mut((life.slot - FIRST_OBJECT) as usize)?.take()?;
        self.owned -= usize::from(resource.owned);
        self.end(life.slot);
        self.free.push(life.slot);
        let children: Vec<u32> = (0..self.resources.len() as u32)
            .filter(|&i| self.resources[i as usize].as_ref().is_some_and(|r| r.parent == life))
            .map(|i| i + FIRST_OBJECT)
            .collect();
        for slot in children {
            self.release(self.now(slot));
        }
        Some(resource)
    }

    /// The resource acquired first that must still be released.
    pub(crate) fn leaked(&self) -> Option<&Resource> {
        self.resources.iter().flatten().filter(|r| r.owned).min_by_key(|r| r.at)
    }

    /// Ends everything that was acquired, undoing what was not released.
    pub(crate) fn clear(&mut self) {
        if self.free.len() == self.resources.len() {
            return;
        }
        for index in 0..self.resources.len() as u32 {
            if let Some(resource) = self.resources[index as usize].take() {
                self.end(index + FIRST_OBJECT);
                self.free.push(index + FIRST_OBJECT);
                if let Some(undo) = resource.undo {
                    undo();
                }
            }
        }
        self.owned = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(owned: bool, parent: Life) -> Resource {
        Resource { what: "record", at: 3, owned, parent, undo: None }
    }

    #[test]
    fn a_released_life_stays_over() {
        let mut lives = Lives::new();
        let first = lives.acquire(record(true, Life::RUN));
        assert!(lives.alive(first) && lives.leaked().is_some());
        assert!(lives.release(first).is_some());
        let second = lives.acquire(record(true, Life::RUN));
        assert_eq!(first.slot, second.slot, "slots are used again");
        assert!(!lives.alive(first) && lives.release(first).is_none());
        assert!(lives.alive(second));
    }

    #[test]
    fn children_die_with_their_parent() {
        let mut lives = Lives::new();
        let parent = lives.acquire(record(true, Life::RUN));
        let child = lives.acquire(record(false, parent));
        let grandchild = lives.acquire(record(false, child));
        lives.release(parent);
        assert!(!lives.alive(child) && !lives.alive(grandchild));
        assert_eq!(lives.owned, 0);
    }

    #[test]
    fn clearing_undoes_what_was_left() {
        let undone = std::rc::Rc::new(std::cell::Cell::new(0));
        let mut lives = Lives::new();
        let count = undone.clone();
        let undo: Undo = Box::new(move || count.set(count.get() + 1));
        let left = lives.acquire(Resource { undo: Some(undo), ..record(true, Life::RUN) });
        lives.clear();
        assert_eq!(undone.get(), 1);
        assert!(!lives.alive(left));
    }
}
