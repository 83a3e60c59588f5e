//! The program as an operator has it: started, asked, told by signals, stopped; behind proxies, upgraded, backed up.

mod backup;
mod drain;
mod lifecycle;
mod program;
mod proxies;
mod recipes;
mod telemetry;
mod upgrade;
