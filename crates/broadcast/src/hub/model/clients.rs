//! What clients do, and the threads that make the steps of their replays.

use super::*;
use crate::deflate::Window;

impl World {
    fn any_want(&mut self) -> Want {
        Want {
            tags: self.random.index(TAG_CHOICES.len()),
            filter: self.random.index(FILTERS.len()),
            is_sampled: false,
        }
    }

    fn key_of(&mut self, want: Want, form: usize) -> ViewKey {
        let mut key = that_pass(of_tags(key(SHAPES[form]), TAG_CHOICES[want.tags]), FILTERS[want.filter]);
        if want.is_sampled {
            key = at_most(key, 1);
        }
        key.shape.compress = self.random.once_in(4).then(Window::default);
        key
    }

    fn any_start(&mut self) -> Start {
        let Hello { epoch, seq, .. } = self.rig.hub.hello();
        match self.random.below(8) {
            0 | 1 => Start::Default,
            2 => Start::Last(self.random.of(&[0, 3, 60, u64::MAX])),
            3 => Start::Now,
            4 => Start::Time(time_of(self.random.below(seq + 5))),
            5 if self.random.once_in(3) => {
                let seq = self.random.below(seq + 5);
                Start::After(Position { epoch: Epoch(!epoch.0), seq })
            }
            _ => {
                let back = self.random.of(&[5, 100, 1000]);
                Start::After(Position { epoch, seq: (seq + 3).saturating_sub(self.random.below(back)) })
            }
        }
    }

    pub(super) fn join(&mut self) {
        if self.clients.len() >= CLIENTS_MAX {
            return;
        }
        let form = self.random.index(SHAPES.len());
        let mut want = self.any_want();
        want.is_sampled = SHAPES[form].0.has_notices() && self.random.once_in(4);
        let key = self.key_of(want, form);
        let start = self.any_start();
        let follows = !self.random.once_in(8);
        let worker = Worker(self.random.index(self.workers));
        let opening = self.rig.hub.subscribe(&key, worker, start, follows, None);
        let reader =
            Reader::new(&self.known, SHAPES[form].0, want, Opening { start, follows, hello: opening.0 });
        let mut session = Session::new(key.shape.clone(), 1000);
        session.begin(opening, Greeting::Hello);
        let ear = Understands::new(&key.shape);
        self.numbered += 1;
        self.clients.push(Client { number: self.numbered, worker, key, session, ear, reader });
    }

    /// What a client makes of the bytes its socket has room for.
    pub(super) fn read(&mut self, index: usize, bytes_max: usize) {
        let client = &mut self.clients[index];
        self.known.note_oldest(&self.rig.hub.hello());
        client.reader.may_miss_more(&self.known, client.session.subscription().is_none());
        for told in client.ear.hear(&written(&mut client.session, bytes_max)) {
            client.reader.is_told(&self.known, &told);
        }
        if client.session.is_finished() {
            self.clients.swap_remove(index);
        }
    }

    /// Gives a replay to a thread, makes a step there, or brings it back.
    pub(super) fn replay(&mut self) {
        let due: Vec<_> =
            (0..self.clients.len()).filter(|index| self.clients[*index].session.wants_step()).collect();
        if !due.is_empty() && self.random.once_in(2) {
            let client = &mut self.clients[self.random.of(&due)];
            self.replays.push((client.number, client.session.next_step().unwrap(), false));
        } else if !self.replays.is_empty() {
            let index = self.random.index(self.replays.len());
            self.go_on_with(index);
        }
    }

    pub(super) fn go_on_with(&mut self, index: usize) {
        let (number, replay, is_made) = &mut self.replays[index];
        let client = self.clients.iter_mut().find(|client| client.number == *number);
        if !*is_made {
            self.known.note_oldest(&self.rig.hub.hello());
            if let Some(client) = client {
                client.reader.may_miss_more(&self.known, client.session.subscription().is_none());
            }
            replay.step();
            *is_made = true;
            return;
        }
        let (_, replay, _) = self.replays.swap_remove(index);
        if let Some(client) = client {
            client.session.replayed(replay);
        }
    }

    pub(super) fn resubscribe(&mut self) {
        let resumable: Vec<_> = (0..self.clients.len())
            .filter(|index| self.clients[*index].key.shape.protocol == Protocol::Resumable)
            .collect();
        if resumable.is_empty() {
            return;
        }
        let index = self.random.of(&resumable);
        let mut want = self.any_want();
        want.is_sampled = self.random.once_in(4);
        let start = if self.random.once_in(2) { Start::Now } else { self.any_start() };
        self.move_to(index, Some(want), start);
    }

    /// Moves a client to another stream; what it wants is the same if that is not given.
    pub(super) fn move_to(&mut self, index: usize, want: Option<Want>, start: Start) {
        let key = match want {
            Some(want) => {
                let form = SHAPES.iter().position(|form| *form == form_of(&self.clients[index].key)).unwrap();
                let compress = self.clients[index].key.shape.compress;
                let mut key = self.key_of(want, form);
                key.shape.compress = compress;
                key
            }
            None => self.clients[index].key.clone(),
        };
        let client = &mut self.clients[index];
        let leaves = client.session.subscription().map(|place| Arc::clone(place.view()));
        let opening = self.rig.hub.subscribe(&key, client.worker, start, true, leaves.as_deref());
        let hello = opening.0;
        // Whatever is published by another in between.
        if self.random.once_in(3) {
            self.publish();
            self.sweep_elsewhere();
        }
        let client = &mut self.clients[index];
        match want {
            Some(want) => client.reader.moves(&self.known, want, Opening { start, follows: true, hello }),
            None => client.reader.stays(&hello),
        }
        let greeting = if want.is_some() { Greeting::Subscribed } else { Greeting::None };
        client.session.begin(opening, greeting);
        client.key = key;
    }

    /// Other workers sweep while one is busy: their clients may make anything readable.
    fn sweep_elsewhere(&mut self) {
        for client in &self.clients {
            if let Some(place) = client.session.subscription() {
                place.view().tell();
            }
        }
    }

    /// Pings, questions and signs of life.
    pub(super) fn talk(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let index = self.random.index(self.clients.len());
        let client = &mut self.clients[index];
        match self.random.below(3) {
            0 => client.session.ping(),
            1 if client.key.shape.protocol == Protocol::Resumable => client.session.refuse("what?"),
            _ => client.session.received(&mut [0x89, 0x80, 0, 0, 0, 0], |_, _, _, _| {}),
        }
        if client.session.is_flooding() {
            client.reader.ends(None);
            client.session.close(CloseReason::Flooding);
        }
    }

    pub(super) fn end_one(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let index = self.random.index(self.clients.len());
        match self.random.below(3) {
            0 => drop(self.clients.swap_remove(index)),
            1 => {
                self.clients[index].reader.ends(None);
                self.clients[index].session.close(CloseReason::GoingAway);
            }
            _ => {
                let client = &mut self.clients[index];
                let has_place = client.session.subscription().is_some();
                client.reader.ends(has_place.then(|| self.rig.hub.hello().seq));
                client.session.close_at_end(CloseReason::GoingAway);
            }
        }
    }
}

fn form_of(key: &ViewKey) -> (Protocol, Format) {
    (key.shape.protocol, key.shape.format)
}
