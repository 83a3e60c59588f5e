//! Golden cases: small servers written down in `tests/golden/*.txt`, with questions and the answers they must have.
//!
//! The tables are read line by line, words apart by spaces. `case:` starts a server; it has the owner `olga`, the
//! members named by `member`, and nothing else until a line says so:
//!
//! ```text
//! everyone SAYS…                      what the server's @everyone says
//! role NAME PRIORITY SAYS…            a custom role
//! member NAME ROLE…                   a member with its roles          visitor NAME
//! channel NAME | category NAME        a place; indented lines belong to it:
//!   private | in CATEGORY | synced | visitors visible|hidden
//!   everyone SAYS… | role NAME SAYS… | override MEMBER SAYS…
//!   black member|role NAME… | white member|role NAME…
//! may WHO PLACE RIGHT: yes|no RULE    the verdict, and the rule that `explain` names as deciding it
//! sees WHO PLACE: yes|no
//! do WHO OPERATION…: CODE             the guard of an operation; 200 lets it through
//! ```
//!
//! SAYS is `+right`, `-right` or `=right` (ignore), by the SDK's name or a custom right's number; PLACE is `server`
//! or a name.

use std::collections::BTreeMap;

use rotunda_model::{Right, SyncMode};
use rotunda_permissions::{Refusal, Rule, Snapshot, Subject, guard};

use crate::{
    reference::{At, Auths, Channel, EVERYONE, Place, Role, Standing, Visitors, Who, World, value},
    world::*,
};

#[test]
fn evaluation() {
    run(include_str!("../golden/evaluation.txt"), 40);
}

#[test]
fn visibility() {
    run(include_str!("../golden/visibility.txt"), 25);
}

#[test]
fn guards() {
    run(include_str!("../golden/guards.txt"), 60);
}

/// One case, as far as it has been read.
struct Case {
    world: World,
    people: BTreeMap<String, Who>,
    names: BTreeMap<String, i64>,
    places: BTreeMap<String, At>,
    open: Option<At>,
}

fn run(table: &str, least: usize) {
    let mut case = Case::new();
    let mut asked = 0;
    let mut wrong = Vec::new();
    for (number, line) in table.lines().enumerate() {
        let text = line.split('#').next().unwrap_or_default();
        if let Some(title) = text.strip_prefix("case:") {
            assert!(!title.trim().is_empty(), "line {}: a case has a title", number + 1);
            case = Case::new();
            continue;
        }
        if let Some((question, expected)) = text.split_once(':') {
            asked += 1;
            let answer = case.ask(&words(question));
            if answer != expected.trim() {
                wrong.push(format!("line {}: {} -> {answer}", number + 1, line.trim()));
            }
        } else {
            case.read(&words(text), text.starts_with(' '));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(asked >= least, "only {asked} questions were read");
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn right_named(name: &str) -> u32 {
    match name.parse::<u32>() {
        Ok(number) => number,
        Err(_) => Right::by_name(name).unwrap_or_else(|| panic!("no right {name}")).id(),
    }
}

fn said(words: &[&str]) -> Vec<(u32, i8)> {
    let one = |word: &&str| {
        let value = match &word[..1] {
            "+" => 1,
            "-" => -1,
            "=" => 0,
            _ => panic!("{word} is not +right, -right or =right"),
        };
        (right_named(&word[1..]), value)
    };
    words.iter().map(one).collect()
}

impl Case {
    fn new() -> Self {
        let world = World {
            owner: OWNER.into(),
            everyone: Auths::new(),
            roles: BTreeMap::new(),
            channels: BTreeMap::new(),
            categories: BTreeMap::new(),
        };
        let mut case = Self {
            world,
            people: BTreeMap::new(),
            names: [("everyone".to_owned(), EVERYONE)].into(),
            places: [("server".to_owned(), At::Server)].into(),
            open: None,
        };
        case.person(OWNER, Standing::Member, &[]);
        case.person("nobody", Standing::Outsider, &[]);
        case
    }

    fn person(&mut self, name: &str, standing: Standing, roles: &[&str]) {
        let roles = roles.iter().map(|role| self.role(role)).collect();
        self.people.insert(name.into(), Who { name: name.into(), standing, roles });
    }

    fn role(&self, name: &str) -> i64 {
        // An unknown name is a role of another server.
        self.names.get(name).copied().unwrap_or(999)
    }

    fn at(&self, name: &str) -> At {
        self.places.get(name).copied().unwrap_or(At::Channel(999))
    }

    fn read(&mut self, words: &[&str], inside: bool) {
        let Some((&first, rest)) = words.split_first() else { return };
        if inside {
            let at = self.open.expect("an indented line belongs to a place");
            return self.read_inside(at, first, rest);
        }
        self.open = None;
        match (first, rest) {
            ("everyone", says) => self.world.everyone.extend(said(says)),
            ("role", [name, priority, says @ ..]) => {
                let id = self.names.len() as i64;
                self.names.insert((*name).into(), id);
                let auths = said(says).into_iter().collect();
                self.world.roles.insert(id, Role { priority: priority.parse().unwrap(), auths });
            }
            ("member", [name, roles @ ..]) => self.person(name, Standing::Member, roles),
            ("visitor", [name]) => self.person(name, Standing::Visitor, &[]),
            ("channel", [name]) => {
                let id = 10 + self.places.len() as i64;
                let empty = Channel {
                    own: Place::default(),
                    category: None,
                    synced: false,
                    visitors: Visitors::Follow,
                };
                self.world.channels.insert(id, empty);
                self.enter(name, At::Channel(id));
            }
            ("category", [name]) => {
                let id = 10 + self.places.len() as i64;
                self.world.categories.insert(id, Place::default());
                self.enter(name, At::Category(id));
            }
            _ => panic!("cannot read {words:?}"),
        }
    }

    fn enter(&mut self, name: &str, at: At) {
        self.places.insert(name.into(), at);
        self.open = Some(at);
    }

    fn read_inside(&mut self, at: At, first: &str, rest: &[&str]) {
        if let At::Channel(id) = at {
            let category = rest.first().map(|name| self.at(name));
            let channel = self.world.channels.get_mut(&id).unwrap();
            match (first, rest, category) {
                ("in", [_], Some(At::Category(category))) => return channel.category = Some(category),
                ("synced", [], _) => return channel.synced = true,
                ("visitors", ["visible"], _) => return channel.visitors = Visitors::Visible,
                ("visitors", ["hidden"], _) => return channel.visitors = Visitors::Hidden,
                _ => {}
            }
        }
        let roles: Vec<i64> = rest.iter().map(|name| self.role(name)).collect();
        let place = self.world.place_mut(at);
        let names = |rest: &[&str]| rest.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        match (first, rest) {
            ("private", []) => place.private = true,
            ("everyone", says) => place.everyone.extend(said(says)),
            ("role", [_, says @ ..]) => place.roles.entry(roles[0]).or_default().extend(said(says)),
            ("override", [name, says @ ..]) => {
                place.overrides.entry((*name).into()).or_default().extend(said(says));
            }
            ("black", ["member", named @ ..]) => place.black_members.extend(names(named)),
            ("white", ["member", named @ ..]) => place.white_members.extend(names(named)),
            ("black", ["role", ..]) => place.black_roles.extend(&roles[1..]),
            ("white", ["role", ..]) => place.white_roles.extend(&roles[1..]),
            _ => panic!("cannot read {first} {rest:?}"),
        }
    }

    fn ask(&self, words: &[&str]) -> String {
        let snapshot = self.world.snapshot();
        let who = |name: &str| self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}"));
        match words {
            ["may", name, place, right] => {
                let (who, at, right) = (who(name), self.at(place), right_named(right));
                let told = with_subject(who, |subject| snapshot.explain(subject, scope(at), to_right(right)));
                let told = told.expect("the place exists");
                assert_eq!(told.allowed, self.world.allows(who, at, right), "reference, on {words:?}");
                let answer = if told.allowed { "yes" } else { "no" };
                let rule = match told.decided_by().unwrap().rule {
                    Rule::Sight(sight) => format!("{sight:?}"),
                    rule => format!("{rule:?}"),
                };
                format!("{answer} {}", rule.split('(').next().unwrap())
            }
            ["sees", name, place] => {
                let (who, at) = (who(name), self.at(place));
                let sees = with_subject(who, |subject| snapshot.sight(subject, scope(at))).unwrap();
                assert_eq!(sees.is_visible(), self.world.visible(who, at), "reference, on {words:?}");
                (if sees.is_visible() { "yes" } else { "no" }).into()
            }
            ["do", name, operation @ ..] => {
                match with_subject(who(name), |actor| self.guard(&snapshot, actor, operation)) {
                    Ok(()) => "200".into(),
                    Err(refusal) => {
                        let told = format!("{refusal:?}");
                        let name = told.split([' ', '(']).next().unwrap();
                        format!("{} {name}", refusal.code())
                    }
                }
            }
            _ => panic!("cannot read {words:?}"),
        }
    }

    fn guard(&self, snapshot: &Snapshot, actor: &Subject<'_>, operation: &[&str]) -> Result<(), Refusal> {
        let typed = |says: &[&str]| -> Vec<_> {
            said(says).into_iter().map(|(right, value)| (to_right(right), to_value(value))).collect()
        };
        let place = |name: &str| scope(self.at(name));
        let id = |name: &str| role(self.role(name));
        let accids = |names: &[&str]| names.iter().map(|name| accid(name)).collect::<Vec<_>>();
        let channel = |name: &str| match place(name) {
            rotunda_permissions::Scope::Channel(channel) => channel,
            other => panic!("{other:?} is not a channel"),
        };
        let category = |name: &str| match place(name) {
            rotunda_permissions::Scope::Category(category) => category,
            other => panic!("{other:?} is not a category"),
        };
        let list = |kind: &str| if kind == "white" { guard::ListKind::White } else { guard::ListKind::Black };
        match operation {
            ["create-role", priority] => guard::create_role(snapshot, actor, priority.parse().unwrap()),
            ["update-role", name, rest @ ..] => {
                let priority = rest.iter().find_map(|word| word.strip_prefix("priority="));
                let says: Vec<&str> =
                    rest.iter().copied().filter(|word| !word.starts_with(['p', 'n'])).collect();
                let auths = typed(&says);
                let change = guard::RoleChange {
                    auths: &auths,
                    priority: priority.map(|text| text.parse().unwrap()),
                    appearance: rest.contains(&"name"),
                };
                guard::update_role(snapshot, actor, id(name), change)
            }
            ["delete-role", name] => guard::delete_role(snapshot, actor, id(name)),
            ["set-priorities", pairs @ ..] => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|pair| pair.split_once('=').unwrap())
                    .map(|(name, priority)| (id(name), priority.parse().unwrap()))
                    .collect();
                guard::set_priorities(snapshot, actor, &pairs)
            }
            ["add-to", name, targets @ ..] => {
                guard::add_role_members(snapshot, actor, id(name), &accids(targets))
            }
            ["remove-from", name, targets @ ..] => {
                guard::remove_role_members(snapshot, actor, id(name), &accids(targets))
            }
            ["entry", at, "role", name] => guard::add_entry(snapshot, actor, place(at), Some(id(name))),
            ["entry", at, "member", _] => guard::add_entry(snapshot, actor, place(at), None),
            ["remove-entry", at, "role", name] => {
                guard::remove_layer_role(snapshot, actor, place(at), id(name))
            }
            ["remove-entry", at, "member", name] => {
                guard::remove_override(snapshot, actor, place(at), &accid(name))
            }
            ["layer-role", at, name, says @ ..] => {
                guard::update_layer_role(snapshot, actor, place(at), id(name), &typed(says))
            }
            ["override", at, name, says @ ..] => {
                guard::update_override(snapshot, actor, place(at), &accid(name), &typed(says))
            }
            ["update-server"] => guard::update_server(snapshot, actor),
            ["delete-server"] => guard::delete_server(snapshot, actor),
            ["leave"] => guard::leave(snapshot, actor),
            ["invite"] => guard::invite(snapshot, actor),
            ["handle-applications"] => guard::handle_applications(snapshot, actor),
            ["read-history"] => guard::read_invite_history(snapshot, actor),
            ["edit-own-info"] => guard::edit_own_info(snapshot, actor),
            ["edit-other-info"] => guard::edit_other_info(snapshot, actor),
            ["kick", name] => guard::kick(snapshot, actor, &accid(name)),
            ["ban", name] => guard::ban(snapshot, actor, &accid(name)),
            ["read-bans"] => guard::read_bans(snapshot, actor),
            ["look", at] => guard::looks(snapshot, actor, place(at)),
            ["look"] => guard::looks(snapshot, actor, rotunda_permissions::Scope::Server),
            ["unban", name] => guard::unban(snapshot, actor, &accid(name)),
            ["create-channel"] => guard::create_channel(snapshot, actor, None),
            ["create-channel", at] => guard::create_channel(snapshot, actor, Some(category(at))),
            ["update-channel", at] => guard::update_channel(snapshot, actor, channel(at)),
            ["set-view-mode", at] => guard::set_view_mode(snapshot, actor, channel(at)),
            ["move-channel", at] => guard::move_channel(snapshot, actor, channel(at), None, SyncMode::Own),
            ["move-channel", at, into, synced @ ..] => {
                let sync = if synced == ["synced"] { SyncMode::WithCategory } else { SyncMode::Own };
                guard::move_channel(snapshot, actor, channel(at), Some(category(into)), sync)
            }
            ["media-config", at] => guard::update_media_config(snapshot, actor, channel(at)),
            ["create-category"] => guard::create_category(snapshot, actor),
            ["update-category", at] => guard::update_category(snapshot, actor, category(at)),
            ["edit-list", at, kind] => guard::edit_list(snapshot, actor, place(at), list(kind)),
            ["read-list", at, kind] => guard::read_list(snapshot, actor, place(at), list(kind)),
            _ => panic!("cannot read {operation:?}"),
        }
    }
}

/// The reader itself: what it reads is what was written.
#[test]
fn tables_are_read_as_written() {
    let mut case = Case::new();
    for line in ["role mod 3 +sendMsg -10001 =manageRole", "channel hall", " role mod -sendMsg"] {
        case.read(&words(line), line.starts_with(' '));
    }
    let (id, role) = case.world.roles.first_key_value().unwrap();
    assert_eq!((role.priority, value(&role.auths, 4), value(&role.auths, 10_001)), (3, 1, -1));
    assert_eq!(value(&role.auths, 3), 0);
    assert_eq!(value(&case.world.in_force(case.at("hall")).roles[id], 4), -1);
}
