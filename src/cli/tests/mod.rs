//! Commands, from the inside.

mod killed;
