//! How far each item of a job is, in two bits for each. Pure.

/// Items of a byte.
const IN_A_BYTE: u32 = 4;

/// How far an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Working,
    Done,
    Failed,
}

impl State {
    fn bits(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Working => 1,
            Self::Done => 2,
            Self::Failed => 3,
        }
    }

    fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Waiting,
            1 => Self::Working,
            2 => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// How far all items of a job are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct States {
    packed: Vec<u8>,
    items: u32,
}

impl States {
    /// Items of which none has been begun.
    pub(crate) fn waiting(items: u32) -> Self {
        Self { packed: vec![0; items.div_ceil(IN_A_BYTE) as usize], items }
    }

    /// How far an item is; none: there is no such item.
    pub(crate) fn get(&self, item: u32) -> Option<State> {
        let byte = self.packed.get((item / IN_A_BYTE) as usize)?;
        (item < self.items).then(|| State::of(byte >> shift(item)))
    }

    /// Sets how far an item is, and returns how far it was; none: there is no such item.
    pub(crate) fn replace(&mut self, item: u32, state: State) -> Option<State> {
        let old = self.get(item)?;
        let byte = self.packed.get_mut((item / IN_A_BYTE) as usize)?;
        *byte = (*byte & !(3 << shift(item))) | (state.bits() << shift(item));
        Some(old)
    }

    /// The first item, from this one on, that is so far.
    pub(crate) fn next(&self, from: u32, state: State) -> Option<u32> {
        (from..self.items).find(|item| self.get(*item) == Some(state))
    }
}

/// Where an item's bits begin in its byte.
fn shift(item: u32) -> u32 {
    (item % IN_A_BYTE) * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_its_own_state_and_four_of_them_share_a_byte() {
        let mut states = States::waiting(9);
        assert_eq!(states.packed.len(), 3);
        for (item, state) in [(0, State::Done), (3, State::Failed), (4, State::Working), (8, State::Done)] {
            assert_eq!(states.replace(item, state), Some(State::Waiting), "{item}");
        }
        assert_eq!(states.replace(3, State::Waiting), Some(State::Failed));
        let found: Vec<Option<State>> = [0, 3, 4, 5, 8].map(|item| states.get(item)).to_vec();
        let expected = [State::Done, State::Waiting, State::Working, State::Waiting, State::Done].map(Some);
        assert_eq!(found, expected);
        assert_eq!((states.next(0, State::Waiting), states.next(4, State::Waiting)), (Some(1), Some(5)));
        assert_eq!((states.next(1, State::Done), states.next(0, State::Failed)), (Some(8), None));
        // The last byte has room for more than there are.
        assert_eq!((states.get(9), states.replace(11, State::Done)), (None, None));
    }
}
