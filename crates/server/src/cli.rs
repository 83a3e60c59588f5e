//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rotunda_core::{admin::Scope, explain::Question};
use rotunda_model::{
    Accid, CategoryId, ChannelId, LoginType, Place, Right, ServerId, SessionId, webhook::DeliveryState,
};

use crate::{config::Overrides, explain};

/// Self-hosted QChat media channels.
#[derive(Debug, Parser)]
#[command(name = "rotunda", version, about)]
pub struct Cli {
    /// Configuration file; see config/rotunda.sample.toml
    #[arg(long, global = true, value_name = "FILE", env = "ROTUNDA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Directory for keys, certificate and demo credentials
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Answer with one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM
    Serve(Serve),
    /// Bring the database schema up to date
    Migrate {
        /// Only name what would be run
        #[arg(long)]
        dry_run: bool,
    },
    /// Apps: an app key, a secret, and a world of accounts and servers
    #[command(subcommand)]
    App(App),
    /// Tokens of operators for /v1
    #[command(subcommand)]
    AdminToken(AdminToken),
    /// Accounts of an app
    #[command(subcommand)]
    Account(Account),
    /// Rights an app defines for itself, beside the 27 that every app has
    #[command(subcommand)]
    Right(CustomRight),
    /// Addresses of an app's backend that are told what happens
    #[command(subcommand)]
    Webhook(Webhook),
    /// Who was in media channels, newest first: when, with what, how much, and why it ended
    Sessions(Sessions),
    /// Why an account may do something somewhere, or may not
    Explain(Explain),
    /// The configuration: the one in force, a sample, its schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Succeed when the server of this configuration answers
    Healthcheck,
    /// Look at everything that usually goes wrong, and say what to do; the status is 0 when nothing failed
    Doctor(Doctor),
}

/// Beside the running server, or without one: then it takes the ports for the moment.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Compare the clock with that web server's too
    #[arg(long, value_name = "URL")]
    pub time_from: Option<String>,
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub overrides: Overrides,
    /// Write addresses and demo credentials here once everything serves; removed at the end
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
    /// The pid to tell in the ready-file, of a wrapper that stops more than this process
    #[arg(long, value_name = "PID", hide = true)]
    pub ready_pid: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum App {
    /// Make an app; its secret is shown once
    Create {
        #[arg(long)]
        name: String,
        /// App key to use instead of a random one
        #[arg(long)]
        key: Option<String>,
        /// App secret to use instead of a random one
        #[arg(long)]
        secret: Option<String>,
    },
    /// Show how its accounts log in, or change it from now on
    Login(AppLogin),
}

#[derive(Debug, Args)]
pub struct AppLogin {
    /// App key
    #[arg(long, value_name = "KEY")]
    pub app: String,
    /// The ways that are open: tokens issued here, tokens the backend signs, or whatever its server takes
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub types: Option<Vec<LoginWay>>,
    /// The app's server, asked at every login; "" asks nobody
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// What holds when it does not answer
    #[arg(long, value_name = "VERDICT")]
    pub callback_default: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LoginWay {
    Static,
    Dynamic,
    Callback,
}

impl LoginWay {
    pub const fn model(self) -> LoginType {
        match self {
            Self::Static => LoginType::Static,
            Self::Dynamic => LoginType::Dynamic,
            Self::Callback => LoginType::Callback,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    Allow,
    Deny,
}

#[derive(Debug, Subcommand)]
pub enum AdminToken {
    /// Make a token; it is shown once
    Create {
        /// What it is for, as the audit log will call it
        #[arg(long)]
        name: String,
        /// read: calls, records, explain; apps: apps and secrets; media: ending calls; audit: what operators did
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
        scopes: Vec<AdminScope>,
        /// Days until it ends; never when not given
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
    /// All that were ever made
    List,
    /// End a token
    Revoke {
        /// Its id
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AdminScope {
    Read,
    Apps,
    Media,
    Audit,
}

impl AdminScope {
    pub const fn core(self) -> Scope {
        match self {
            Self::Read => Scope::Read,
            Self::Apps => Scope::Apps,
            Self::Media => Scope::Media,
            Self::Audit => Scope::Audit,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make an account; its token is shown once
    Create {
        #[command(flatten)]
        which: Which,
        /// Display name; the account id when not given
        #[arg(long)]
        name: Option<String>,
        /// Token to use instead of a random one
        #[arg(long)]
        token: Option<String>,
    },
    /// Issue a new token; the old one ends
    Token(Which),
    /// Refuse the account's logins (422)
    Disable(Which),
    /// Let a disabled account log in again
    Enable(Which),
}

#[derive(Debug, Args)]
pub struct Which {
    /// App key
    #[arg(long, value_name = "KEY")]
    pub app: String,
    pub accid: String,
}

#[derive(Debug, Subcommand)]
pub enum CustomRight {
    /// Let roles and overrides name this right
    Define {
        #[command(flatten)]
        which: WhichRight,
        /// What people call it; clients know only the number
        #[arg(long)]
        name: String,
    },
    /// Let nobody name it any more; what roles say about it stays, without effect
    Remove(WhichRight),
    /// All of an app
    List {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
    },
}

#[derive(Debug, Args)]
pub struct WhichRight {
    /// App key
    #[arg(long, value_name = "KEY")]
    pub app: String,
    /// Its number, from 10000 on
    pub id: u32,
}

#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Send the app's events there from now on
    Create {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
        /// http or https; addresses that are not global need webhooks.allow_private
        #[arg(long)]
        url: String,
        /// Names of events, such as mediaJoin,mediaLeave; all when not given
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        events: Vec<String>,
    },
    /// All of an app
    List {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
    },
    /// Send nothing there any more
    Remove {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
        id: i64,
    },
    /// What became of each event, newest first
    Deliveries {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
        id: i64,
        /// Only those in this state
        #[arg(long)]
        state: Option<Delivery>,
        /// Only events before this one: the last of the page before
        #[arg(long, value_name = "EVENT")]
        before: Option<i64>,
        /// How many at most, up to 1000
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Send an event again, whatever became of it
    Redeliver {
        /// App key
        #[arg(long, value_name = "KEY")]
        app: String,
        id: i64,
        event: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Delivery {
    Waiting,
    Delivered,
    GivenUp,
}

impl Delivery {
    pub const fn model(self) -> DeliveryState {
        match self {
            Self::Waiting => DeliveryState::Waiting,
            Self::Delivered => DeliveryState::Delivered,
            Self::GivenUp => DeliveryState::GivenUp,
        }
    }
}

/// Reads the database of this configuration. What goes on is up to a minute old.
#[derive(Debug, Args)]
pub struct Sessions {
    #[arg(long, value_name = "ID")]
    pub server: ServerId,
    /// Only this channel
    #[arg(long, value_name = "ID")]
    pub channel: Option<ChannelId>,
    /// Only this account
    #[arg(long, value_name = "ACCID", value_parser = Accid::new)]
    pub account: Option<Accid>,
    /// Only those before this one: the last id of the page before
    #[arg(long, value_name = "ID")]
    pub before: Option<SessionId>,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// Reads the database of this configuration, whether or not the server runs, and changes nothing.
///
/// The exit status is 0 for allowed, 1 for denied, 2 when there is no verdict.
#[derive(Debug, Args)]
pub struct Explain {
    /// App key; the server's own app when not given
    #[arg(long, value_name = "KEY")]
    pub app: Option<String>,
    #[arg(long, value_name = "ID")]
    pub server: ServerId,
    /// Ask about this channel; about the server itself when neither channel nor category is given
    #[arg(long, value_name = "ID")]
    pub channel: Option<ChannelId>,
    /// Ask about this category
    #[arg(long, value_name = "ID", conflicts_with = "channel")]
    pub category: Option<CategoryId>,
    #[arg(long, value_name = "ACCID", value_parser = Accid::new)]
    pub account: Accid,
    /// The SDK's name of the right, or its number; custom ones from 10000
    #[arg(long, value_name = "RIGHT", value_parser = explain::right)]
    pub right: Right,
}

impl Explain {
    pub fn question(self) -> Question {
        let place = self.channel.map(Place::Channel).or(self.category.map(Place::Category));
        Question { app_key: self.app, server: self.server, place, accid: self.account, right: self.right }
    }
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the one in force as TOML, secrets masked
    Print,
    /// Print a file with every key, its default and what it changes
    Sample,
    /// Print the JSON schema of the file
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
