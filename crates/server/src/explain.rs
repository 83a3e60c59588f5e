//! `rotunda explain`: why an account may do something, or may not, as text or JSON.

use std::process::ExitCode;

use rotunda_core::explain::{Answer, Question, explain};
use rotunda_model::{CategoryId, Code, Place, Right, RoleId};
use rotunda_permissions::{Names, Rule, Sight, Step};
use serde_json::{Map, Value, json};

use crate::{cli, config::Config, database};

/// The exit status of a denial; 0 is for what is allowed.
const DENIED: u8 = 1;

/// The exit status when there is no verdict: something is unknown, or the database cannot be read.
pub const CANNOT_SAY: u8 = 2;

/// Reads the database and changes nothing, not even its schema.
pub async fn run(config: &Config, command: cli::Explain, as_json: bool) -> anyhow::Result<ExitCode> {
    let question = command.question();
    let store = database::connect(config).await?;
    let pending = store.pending_migrations().await?;
    anyhow::ensure!(pending.is_empty(), "the schema is not up to date: run `rotunda migrate` first");
    match explain(&store, &question).await {
        Ok(answer) => {
            match as_json {
                true => println!("{}", object(&question, &answer)),
                false => print!("{}", text(&question, &answer)),
            }
            Ok(if answer.explanation.allowed { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
        }
        Err(error) if as_json && [Code::NOT_FOUND, Code::PARAMETER].contains(&error.code()) => {
            println!("{}", json!({ "allowed": null, "reason": error.to_string() }));
            Ok(ExitCode::from(CANNOT_SAY))
        }
        Err(error) => Err(anyhow::Error::new(error).context("cannot say")),
    }
}

/// The question, the numbered steps with an arrow at the one that decides, the verdict.
fn text(question: &Question, answer: &Answer) -> String {
    let told = &answer.explanation;
    let mut lines = vec![headline(question, answer), String::new()];
    if answer.banned {
        lines.push("    The account is banned from the server.".into());
    }
    if answer.disabled {
        lines.push(
            "    The account is disabled, so it cannot log in; this is what it could do otherwise.".into(),
        );
    }
    for (number, step) in (1..).zip(&told.steps) {
        let mark = if step.decides { "->" } else { "  " };
        lines.push(format!("{mark} {number:>2}. {}", step.sentence(&answer.names)));
    }
    let verdict = if told.allowed { "Allowed" } else { "Denied" };
    let by = told.steps.iter().position(|step| step.decides).map_or(0, |at| at + 1);
    lines.push(String::new());
    lines.push(format!("{verdict}: step {by} decides. Rules of version {}.\n", told.version));
    lines.join("\n")
}

fn headline(question: &Question, answer: &Answer) -> String {
    let right = match question.right.name() {
        Some(name) => format!("{name} ({})", question.right.id()),
        None => format!("custom right {}", question.right.id()),
    };
    let server = format!("server {} {:?}", question.server, answer.names.server());
    let place = match question.place {
        None => server,
        Some(place) => {
            let (kind, id) = match place {
                Place::Channel(channel) => ("channel", channel.to_string()),
                Place::Category(category) => ("category", category.to_string()),
            };
            let name = answer.names.place(place).unwrap_or_default();
            format!("{kind} {id} {name:?} of {server}")
        }
    };
    format!("Does {} hold {right} in {place}?", question.accid.as_str())
}

/// Ids are texts, as on the wire; a step's `value` is 1 allow, 0 nothing, −1 deny.
fn object(question: &Question, answer: &Answer) -> Value {
    let told = &answer.explanation;
    let place = |kind: &str, id: String, name: Option<&str>| json!({ "kind": kind, "id": id, "name": name });
    let server = place("server", question.server.to_string(), Some(answer.names.server()));
    let scope = question.place.map(|at| {
        let name = answer.names.place(at);
        match at {
            Place::Channel(channel) => place("channel", channel.to_string(), name),
            Place::Category(category) => place("category", category.to_string(), name),
        }
    });
    json!({
        "allowed": told.allowed,
        "account": question.accid.as_str(),
        "banned": answer.banned,
        "disabled": answer.disabled,
        "right": { "id": question.right.id(), "name": question.right.name() },
        "scope": scope.unwrap_or_else(|| server.clone()),
        "server": server,
        "version": told.version,
        "steps": told.steps.iter().map(|step| step_object(step, answer)).collect::<Vec<_>>(),
    })
}

fn step_object(step: &Step, answer: &Answer) -> Value {
    let mut object = Map::new();
    let (rule, role, category) = parts(step.rule);
    object.insert("rule".into(), rule.into());
    if let Some(id) = role {
        object.insert("role".into(), json!({ "id": id, "name": answer.names.role(id) }));
    }
    if let Some(id) = category {
        object.insert("category".into(), json!({ "id": id, "name": answer.names.category(id) }));
    }
    object.insert("value".into(), step.value.number().into());
    object.insert("decides".into(), step.decides.into());
    object.insert("text".into(), step.sentence(&answer.names).into());
    Value::Object(object)
}

/// The name a program knows a rule by, and what it is about.
const fn parts(rule: Rule) -> (&'static str, Option<RoleId>, Option<CategoryId>) {
    match rule {
        Rule::NotMember => ("not_member", None, None),
        Rule::Owner => ("owner", None, None),
        Rule::Synced(category) => ("synced", None, Some(category)),
        Rule::ServerOnly => ("server_only", None, None),
        Rule::Override => ("override", None, None),
        Rule::LayerRole(role) => ("layer_role", Some(role), None),
        Rule::LayerEveryone => ("layer_everyone", None, None),
        Rule::ServerRole(role) => ("server_role", Some(role), None),
        Rule::ServerEveryone => ("server_everyone", None, None),
        Rule::NoRole => ("no_role", None, None),
        Rule::Sight(sight) => match sight {
            Sight::Owner => ("sees_as_owner", None, None),
            Sight::Outsider => ("outsider", None, None),
            Sight::Public => ("public", None, None),
            Sight::BlackMember => ("black_member", None, None),
            Sight::BlackRole(role) => ("black_role", Some(role), None),
            Sight::WhiteMember => ("white_member", None, None),
            Sight::WhiteRole(role) => ("white_role", Some(role), None),
            Sight::Unlisted => ("unlisted", None, None),
            Sight::OpenToVisitors => ("open_to_visitors", None, None),
            Sight::ClosedToVisitors => ("closed_to_visitors", None, None),
        },
    }
}

/// A right by the SDK's name or by its number.
pub fn right(text: &str) -> Result<Right, String> {
    if let Ok(id) = text.parse::<u32>() {
        return Right::try_from(id).map_err(|error| error.to_string());
    }
    Right::by_name(text).ok_or_else(|| {
        let likeness = |right: &Right| strsim::jaro_winkler(text, right.name().unwrap_or_default());
        let nearest = Right::BUILT_IN.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let nearest = nearest.and_then(Right::name).unwrap_or_default();
        format!("no right is called that; did you mean {nearest}?")
    })
}
