//! Which instructions lie on loops: the strongly connected components of each function's graph.
//!
//! Tarjan's algorithm without recursion, for the graph may be as deep as the program is long. An instruction that is on no
//! loop has the number 0; a call that runs a callback any number of times is a loop by itself.

use crate::shape::Shape;

/// Per slot, the number of its component; 0 where there is no loop.
pub(crate) fn components(shape: &Shape) -> Vec<u32> {
    let count = shape.insns.len();
    let mut work = Work {
        shape,
        order: vec![0; count],
        low: vec![0; count],
        component: vec![0; count],
        open: Vec::new(),
        is_open: vec![false; count],
        next_order: 1,
        next_component: 1,
    };
    for at in 0..count {
        if shape.insns[at].is_some() && work.order[at] == 0 {
            work.explore(at);
        }
    }
    work.component
}

struct Work<'a> {
    shape: &'a Shape,
    /// When it was first seen, from 1; 0 before.
    order: Vec<u32>,
    /// The earliest that is reached from it among those open.
    low: Vec<u32>,
    component: Vec<u32>,
    /// Seen, and not yet known to which component they belong.
    open: Vec<usize>,
    is_open: Vec<bool>,
    next_order: u32,
    next_component: u32,
}

impl Work<'_> {
    fn see(&mut self, at: usize) {
        self.order[at] = self.next_order;
        self.low[at] = self.next_order;
        self.next_order += 1;
        self.open.push(at);
        self.is_open[at] = true;
    }

    fn explore(&mut self, root: usize) {
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        self.see(root);
        while let Some((at, edge)) = path.last_mut() {
            let from = *at;
            let targets = self.shape.successors(from);
            if let Some(target) = targets.get(*edge) {
                *edge += 1;
                let Some(target) = target.filter(|&target| target < self.order.len()) else { continue };
                if self.order[target] == 0 {
                    self.see(target);
                    path.push((target, 0));
                } else if self.is_open[target] {
                    self.low[from] = self.low[from].min(self.order[target]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                self.low[parent] = self.low[parent].min(self.low[from]);
            }
            if self.low[from] == self.order[from] {
                self.close(from);
            }
        }
    }

    /// Everything opened since `head` is one component.
    fn close(&mut self, head: usize) {
        let start = self.open.iter().rposition(|&at| at == head).unwrap_or(0);
        let members = self.open.split_off(start);
        let to_itself = self.shape.successors(head).into_iter().flatten().any(|target| target == head);
        let looping = members.len() > 1 || to_itself || self.shape.calls_back(head);
        for &at in &members {
            self.is_open[at] = false;
            self.component[at] = if looping { self.next_component } else { 0 };
        }
        self.next_component += u32::from(looping);
    }
}
