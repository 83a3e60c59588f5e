//! The wire of roles, layers, lists, categories and moderation, literally: requests as nim-web-sdk-ng 0.17.2 and 10.8.1
//! send them, entities and attachments as both accept them.

use rotunda_wire::{
    AuthMap, Id, Request, ToWire,
    command::{Command, PlacePage, category, channel, layer, list, member, role},
    entity::{
        Ban, Category, CategoryMemberRole, CategoryRole, Channel, ChannelRole, ListedMembers, ListedRole,
        Member, MemberRole, RoleMember, Server, ServerRole,
    },
    notification::Attach,
};
use serde_json::{Value, json};

fn read<C: Command>(q: &Value) -> C {
    let json = json!({"SER": 1, "SID": C::ID.sid, "CID": C::ID.cid, "Q": q}).to_string();
    let request = Request::parse(&json).unwrap();
    assert_eq!(request.command, C::ID);
    C::read(&request.items).unwrap()
}

/// A request of one Property.
fn read_property<C: Command>(property: &Value) -> C {
    read(&json!([{"t": "Property", "v": property}]))
}

/// A request of one Property and the antispam item that always follows it.
fn read_with_antispam<C: Command>(property: &Value) -> C {
    read(&json!([{"t": "Property", "v": property}, {"t": "Property", "v": {}}]))
}

fn auths(pairs: impl IntoIterator<Item = (u32, i8)>) -> AuthMap {
    AuthMap(pairs.into_iter().collect())
}

fn some<T>(text: &str) -> Option<T>
where
    T: From<String>,
{
    Some(text.to_owned().into())
}

#[test]
fn members_are_kicked_changed_and_banned() {
    let kick: member::KickServerMembers =
        read(&json!([{"t": "Long", "v": "1"}, {"t": "StrArray", "v": ["bob", "eve"]}]));
    assert_eq!((kick.server_id, kick.accids), (Id(1), vec!["bob".to_owned(), "eve".to_owned()]));

    let own: member::UpdateOwnMember = read_with_antispam(&json!({"1": "1", "4": "Bobby", "6": ""}));
    assert_eq!((own.member.server_id, own.member.accid), (Id(1), None));
    assert_eq!((own.member.nick, own.member.avatar, own.member.ext), (some("Bobby"), None, some("")));

    let other: member::UpdateOtherMember = read_with_antispam(&json!({"1": "1", "3": "bob", "5": "pic"}));
    assert_eq!((other.member.accid.as_str(), other.member.nick), ("bob", None));
    assert_eq!(other.member.avatar, some("pic"));

    for (operation, ext) in [(1, Some("spam")), (2, None)] {
        let mut property = json!({"1": "1", "2": operation, "3": "bob"});
        if let Some(ext) = ext {
            property["4"] = ext.into();
        }
        let member::UpdateMemberBan { ban } = read_property(&property);
        assert_eq!((ban.server_id, ban.operation, ban.accid.as_str()), (Id(1), operation, "bob"));
        assert_eq!(ban.ext.as_deref(), ext);
    }

    let banned: member::GetBannedMembersPage = read_property(&json!({"1": "1", "2": 0, "3": 10}));
    assert_eq!((banned.page.server_id, banned.page.timetag, banned.page.limit), (Id(1), Some(0), Some(10)));
}

#[test]
fn channels_are_changed_and_placed() {
    let update: channel::UpdateChannel = read_with_antispam(&json!({"1": "2", "5": "t", "12": 1, "16": 0}));
    assert_eq!((update.channel.channel_id, update.channel.name), (Id(2), None));
    assert_eq!((update.channel.topic, update.channel.view_mode), (some("t"), Some(1)));
    assert_eq!(update.channel.visitor_mode, Some(0));

    let place: channel::UpdateChannelPlacement = read_property(&json!({"1": "2", "13": "5", "14": 1}));
    assert_eq!(place.placement.category_id, Some(Id(5)));
    assert_eq!(place.placement.sync_mode, Some(1));
    let out: channel::UpdateChannelPlacement = read_property(&json!({"1": "2", "13": "0"}));
    assert_eq!((out.placement.category_id, out.placement.sync_mode), (Some(Id(0)), None));

    let members: channel::GetChannelMembersPage = read_property(&json!({"1": "1", "2": "2", "3": 0}));
    let first = PlacePage { server_id: Id(1), place_id: Id(2), timetag: Some(0), limit: None };
    assert_eq!(members.page, first);
}

#[test]
fn categories_are_made_changed_and_read() {
    let create: category::CreateCategory = read_property(&json!({"2": "1", "4": "games", "7": 1}));
    assert_eq!((create.category.server_id, create.category.category_id), (Some(Id(1)), None));
    assert_eq!((create.category.name, create.category.view_mode), (some("games"), Some(1)));

    let update: category::UpdateCategory = read_property(&json!({"1": "5", "5": "{}"}));
    assert_eq!((update.category.category_id, update.category.ext), (Some(Id(5)), some("{}")));

    let delete: category::DeleteCategory = read(&json!([{"t": "Long", "v": "5"}]));
    assert_eq!(delete.category_id, Id(5));

    let get: category::GetCategories = read(&json!([{"t": "LongArray", "v": ["5", "6"]}]));
    assert_eq!(get.category_ids, [Id(5), Id(6)]);

    let page: category::GetCategoriesPage = read_property(&json!({"1": "1", "2": 9, "3": 100}));
    assert_eq!((page.page.server_id, page.page.timetag, page.page.limit), (Id(1), Some(9), Some(100)));

    let inside: category::GetCategoryChannelsPage =
        read_property(&json!({"1": "1", "2": "5", "3": 9, "4": 1}));
    let expected = PlacePage { server_id: Id(1), place_id: Id(5), timetag: Some(9), limit: Some(1) };
    assert_eq!(inside.page, expected);
}

#[test]
fn lists_of_channels_and_categories_are_asked_alike() {
    let edit = json!({"1": "1", "2": "2", "3": 2, "4": 1, "5": "3"});
    let channel: list::UpdateChannelListRole = read_property(&edit);
    let category: list::UpdateCategoryListRole = read_property(&edit);
    let role = ListedRole { server_id: Id(1), place_id: Id(2), list: 2, operation: 1, role_id: Id(3) };
    assert_eq!((&channel.edit, &category.edit), (&role, &role));

    let edit = json!({"1": "1", "2": "2", "3": 1, "4": 2, "5": "[\"bob\",\"eve\"]"});
    let channel: list::UpdateChannelListMembers = read_property(&edit);
    let category: list::UpdateCategoryListMembers = read_property(&edit);
    let accids = vec!["bob".to_owned(), "eve".to_owned()];
    let members = ListedMembers { server_id: Id(1), place_id: Id(2), list: 1, operation: 2, accids };
    assert_eq!((&channel.edit, &category.edit), (&members, &members));

    let page = json!({"1": "1", "2": "2", "3": 1, "4": 0, "5": 20});
    let expected =
        list::ListPage { server_id: Id(1), place_id: Id(2), list: 1, timetag: Some(0), limit: Some(20) };
    assert_eq!(read_property::<list::GetChannelListRolesPage>(&page).page, expected);
    assert_eq!(read_property::<list::GetChannelListMembersPage>(&page).page, expected);
    assert_eq!(read_property::<list::GetCategoryListRolesPage>(&page).page, expected);
    assert_eq!(read_property::<list::GetCategoryListMembersPage>(&page).page, expected);

    let query = json!({"1": "1", "2": "2", "3": 1, "4": "[\"3\",\"4\"]"});
    let expected =
        list::RolesOnList { server_id: Id(1), place_id: Id(2), list: 1, role_ids: vec![Id(3), Id(4)] };
    assert_eq!(read_property::<list::GetChannelListRoles>(&query).query, expected);
    assert_eq!(read_property::<list::GetCategoryListRoles>(&query).query, expected);
    let accids = vec!["3".to_owned(), "4".to_owned()];
    let expected = list::MembersOnList { server_id: Id(1), place_id: Id(2), list: 1, accids };
    assert_eq!(read_property::<list::GetChannelListMembers>(&query).query, expected);
    assert_eq!(read_property::<list::GetCategoryListMembers>(&query).query, expected);
}

#[test]
fn layers_of_channels_are_edited_by_ids_in_their_own_order() {
    let add: layer::AddChannelRole = read_property(&json!({"1": "1", "3": "3", "4": "2"}));
    assert_eq!((add.role.server_id, add.role.parent_role_id, add.role.channel_id), (Id(1), Id(3), Id(2)));

    let remove: layer::RemoveChannelRole =
        read(&json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "2"}, {"t": "Long", "v": "9"}]));
    assert_eq!((remove.server_id, remove.channel_id, remove.role_id), (Id(1), Id(2), Id(9)));

    let update: layer::UpdateChannelRole =
        read_property(&json!({"1": "1", "2": "9", "3": "2", "4": "{\"15\":-1}"}));
    assert_eq!((update.role.role_id, update.role.channel_id), (Id(9), Id(2)));
    assert_eq!(update.role.auths, Some(auths([(15, -1)])));
    assert_eq!(
        read_property::<layer::UpdateChannelRole>(&json!({"1": "1", "2": "9", "3": "2"})).role.auths,
        None
    );

    let page = json!({"1": "1", "2": "2", "3": 7, "4": 5});
    let expected = PlacePage { server_id: Id(1), place_id: Id(2), timetag: Some(7), limit: Some(5) };
    assert_eq!(read_property::<layer::GetChannelRoles>(&page).page, expected);
    assert_eq!(read_property::<layer::GetMemberRoles>(&page).page, expected);

    let existing = json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "2"}, {"t": "String", "v": "[\"3\"]"}]);
    let roles: layer::GetExistingChannelRoles = read(&existing);
    assert_eq!((roles.channel_id, roles.parent_role_ids), (Id(2), vec![Id(3)]));
    let members: layer::GetExistingMemberRoles = read(&existing);
    assert_eq!((members.channel_id, members.accids), (Id(2), vec!["3".to_owned()]));

    let add: layer::AddMemberRole = read_property(&json!({"1": "1", "3": "bob", "4": "2"}));
    assert_eq!((add.role.accid.as_str(), add.role.channel_id), ("bob", Id(2)));
    let remove: layer::RemoveMemberRole = read_property(&json!({"1": "1", "3": "bob", "4": "2"}));
    assert_eq!(remove.role, add.role);
    let update: layer::UpdateMemberRole =
        read_property(&json!({"1": "1", "2": "bob", "3": "2", "4": "{\"17\":0}"}));
    assert_eq!((update.role.accid.as_str(), update.role.channel_id), ("bob", Id(2)));
    assert_eq!(update.role.auths, Some(auths([(17, 0)])));
}

#[test]
fn layers_of_categories_have_other_tags() {
    let add: layer::AddCategoryRole = read_property(&json!({"3": "5", "4": "1", "5": "3"}));
    assert_eq!((add.role.category_id, add.role.server_id, add.role.parent_role_id), (Id(5), Id(1), Id(3)));

    let remove: layer::RemoveCategoryRole =
        read(&json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "5"}, {"t": "Long", "v": "9"}]));
    assert_eq!((remove.server_id, remove.category_id, remove.role_id), (Id(1), Id(5), Id(9)));

    let update: layer::UpdateCategoryRole =
        read_property(&json!({"1": "9", "3": "5", "4": "1", "10": "{\"10001\":1}"}));
    assert_eq!((update.role.role_id, update.role.category_id, update.role.server_id), (Id(9), Id(5), Id(1)));
    assert_eq!(update.role.auths, Some(auths([(10_001, 1)])));

    let page = json!({"1": "1", "2": "5"});
    let expected = PlacePage { server_id: Id(1), place_id: Id(5), timetag: None, limit: None };
    assert_eq!(read_property::<layer::GetCategoryRoles>(&page).page, expected);
    assert_eq!(read_property::<layer::GetCategoryMemberRoles>(&page).page, expected);

    let add: layer::AddCategoryMemberRole = read_property(&json!({"3": "bob", "4": "5", "5": "1"}));
    assert_eq!((add.role.accid.as_str(), add.role.category_id, add.role.server_id), ("bob", Id(5), Id(1)));
    let remove: layer::RemoveCategoryMemberRole =
        read(&json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "5"}, {"t": "String", "v": "bob"}]));
    assert_eq!((remove.category_id, remove.accid.as_str()), (Id(5), "bob"));
    let update: layer::UpdateCategoryMemberRole =
        read_property(&json!({"3": "bob", "4": "5", "5": "1", "9": "{\"4\":-1}"}));
    assert_eq!((update.role.category_id, update.role.auths), (Id(5), Some(auths([(4, -1)]))));
}

#[test]
fn roles_and_their_members_are_asked_for() {
    let delete: role::DeleteServerRole = read(&json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "3"}]));
    assert_eq!((delete.server_id, delete.role_id), (Id(1), Id(3)));

    let with_accids =
        json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "3"}, {"t": "String", "v": "[\"bob\"]"}]);
    let remove: role::RemoveRoleMembers = read(&with_accids);
    assert_eq!((remove.role_id, remove.accids), (Id(3), vec!["bob".to_owned()]));
    let existing: role::GetExistingRoleMembers = read(&with_accids);
    assert_eq!((existing.role_id, existing.accids), (Id(3), vec!["bob".to_owned()]));

    let members: role::GetRoleMembers =
        read_property(&json!({"1": "1", "2": "3", "3": 7, "4": "bob", "5": 5}));
    let expected = role::RoleMembersPage {
        server_id: Id(1),
        role_id: Id(3),
        timetag: Some(7),
        accid: some("bob"),
        limit: Some(5),
    };
    assert_eq!(members.page, expected);

    let roles: role::GetRolesOfMember = read_property(&json!({"1": "1", "2": "bob", "3": 7, "4": 5}));
    let page = roles.page;
    assert_eq!((page.accid.as_str(), page.timetag, page.limit), ("bob", Some(7), Some(5)));

    let roles: role::GetExistingRolesOfMembers =
        read(&json!([{"t": "Long", "v": "1"}, {"t": "String", "v": "[\"bob\",\"eve\"]"}]));
    assert_eq!((roles.server_id, roles.accids.len()), (Id(1), 2));

    let order: role::UpdateRolePriorities = read(&json!([
        {"t": "Long", "v": "1"},
        {"t": "ArrayMable", "v": [
            {"t": "Property", "v": {"1": "1", "2": "3", "7": 2}}, {"t": "Property", "v": {"2": "4", "7": "1"}}
        ]}
    ]));
    let pairs: Vec<(Id, i64)> = order.roles.iter().map(|role| (role.role_id, role.priority)).collect();
    assert_eq!(pairs, [(Id(3), 2), (Id(4), 1)]);

    let check: role::CheckPermissions = read_property(&json!({"1": "1", "2": "2", "3": "[1,15,\"10001\"]"}));
    assert_eq!((check.check.channel_id, check.check.rights), (Some(Id(2)), vec![1, 15, 10_001]));
}

fn a_channel_role() -> ChannelRole {
    ChannelRole {
        server_id: Id(1),
        role_id: Id(9),
        parent_role_id: Id(3),
        channel_id: Some(Id(2)),
        name: "mods".into(),
        auths: auths([(15, 0), (17, -1)]),
        kind: 2,
        create_time: 7,
        update_time: 8,
        ..ChannelRole::default()
    }
}

fn channel_role_object() -> Value {
    json!({
        "1": "1", "2": "9", "3": "3", "4": "2", "5": "mods", "6": "", "7": "", "8": "{\"15\":0,\"17\":-1}",
        "9": "2", "10": "7", "11": "8"
    })
}

fn a_category() -> Category {
    Category {
        category_id: Id(5),
        server_id: Id(1),
        name: "games".into(),
        owner: "ann".into(),
        view_mode: 1,
        valid: true,
        create_time: 7,
        update_time: 8,
        channel_number: 2,
        ..Category::default()
    }
}

fn category_object() -> Value {
    json!({
        "1": "5", "2": "1", "4": "games", "5": "", "6": "ann", "7": "1", "8": "1", "9": "7", "10": "8", "11": "2"
    })
}

#[test]
fn entities_are_written_under_their_tags() {
    let written = |value: &dyn ToWire| value.to_wire().unwrap();
    assert_eq!(written(&a_channel_role()), channel_role_object());
    assert_eq!(written(&a_category()), category_object());
    assert_eq!(
        written(&CategoryRole {
            role_id: Id(9),
            category_id: Id(5),
            server_id: Id(1),
            parent_role_id: Id(3),
            kind: 1,
            valid: true,
            create_time: 7,
            update_time: 8,
            auths: auths([(2, 1)]),
            name: "everyone".into(),
            ..CategoryRole::default()
        }),
        json!({
            "1": "9", "3": "5", "4": "1", "5": "3", "6": "1", "7": "1", "8": "7", "9": "8", "10": "{\"2\":1}",
            "11": "everyone", "12": "", "13": ""
        })
    );
    assert_eq!(
        written(&CategoryMemberRole {
            id: Id(9),
            accid: "bob".into(),
            category_id: Id(5),
            server_id: Id(1),
            valid: true,
            create_time: 7,
            update_time: 8,
            auths: auths([(4, -1)]),
            nick: "Bob".into(),
            join_time: 6,
            inviter: some("ann"),
            ..CategoryMemberRole::default()
        }),
        json!({
            "1": "9", "3": "bob", "4": "5", "5": "1", "6": "1", "7": "7", "8": "8", "9": "{\"4\":-1}",
            "10": "Bob", "11": "", "12": "", "13": "0", "14": "6", "15": "ann"
        })
    );
    assert_eq!(
        written(&RoleMember {
            server_id: Id(1),
            role_id: Id(3),
            accid: "bob".into(),
            create_time: 7,
            update_time: 7,
            nick: "Bob".into(),
            member_kind: 1,
            join_time: 6,
            ..RoleMember::default()
        }),
        json!({
            "1": "1", "2": "3", "3": "bob", "4": "7", "5": "7", "6": "Bob", "7": "", "8": "", "9": "1",
            "10": "6"
        })
    );
    assert_eq!(
        written(&Ban {
            server_id: Id(1),
            accid: "bob".into(),
            ext: "spam".into(),
            ban_time: 7,
            valid: true,
            create_time: 7,
            update_time: 7,
        }),
        json!({"1": "1", "3": "bob", "4": "spam", "5": "7", "6": "1", "7": "7", "8": "7"})
    );
    // 24_76 shows roles without their rights.
    let bare = written(&ServerRole { role_id: Id(3), ..ServerRole::default() });
    assert_eq!((&bare["2"], bare.get("6")), (&json!("3"), None));
    assert_eq!(written(&role::RightAnswer { right: 15, allowed: -1 }), json!({"1": "15", "2": "-1"}));
}

#[test]
fn what_an_attachment_says_of_each_notification() {
    let object = |value: &dyn ToWire| value.to_wire().unwrap();
    let (server, member) = (Server::default(), Member { accid: "bob".into(), ..Member::default() });
    let channel = Channel { channel_id: Id(2), ..Channel::default() };
    let role = ServerRole { role_id: Id(3), ..ServerRole::default() };
    let listed_role = ListedRole { server_id: Id(1), place_id: Id(2), list: 2, operation: 1, role_id: Id(3) };
    let accids = vec!["bob".to_owned()];
    let listed = ListedMembers { server_id: Id(1), place_id: Id(2), list: 1, operation: 2, accids };
    let listed_role_object = json!({"1": "1", "2": "2", "3": "2", "4": "1", "5": "3"});
    let listed_object = json!({"1": "1", "2": "2", "3": "1", "4": "2", "5": "[\"bob\"]"});
    let of_category = ChannelRole { channel_id: None, ..a_channel_role() };
    let mut of_category_object = channel_role_object();
    of_category_object.as_object_mut().unwrap().remove("4");
    let override_there = MemberRole { accid: "bob".into(), ..MemberRole::default() };
    assert_eq!(object(&override_there).get("4"), None);
    let cases = [
        (
            Attach::ServerMemberKick { server: server.clone(), kicked: vec!["bob".into()] },
            json!({"type": 12, "serverInfo": object(&server), "kickedAccids": ["bob"]}),
        ),
        (
            Attach::ServerMemberUpdate { member: member.clone() },
            json!({"type": 14, "serverMember": object(&member)}),
        ),
        (
            Attach::ChannelUpdate { channel: channel.clone() },
            json!({"type": 17, "channelInfo": object(&channel)}),
        ),
        (
            Attach::ChannelListRole(listed_role.clone()),
            json!({"type": 18, "notify": listed_role_object.clone()}),
        ),
        (Attach::ChannelListMembers(listed.clone()), json!({"type": 19, "notify": listed_object.clone()})),
        (
            Attach::CategoryCreate { category: a_category() },
            json!({"type": 21, "categoryInfo": category_object()}),
        ),
        (Attach::CategoryRemove { category: Id(5) }, json!({"type": 22, "categoryId": "5"})),
        (
            Attach::CategoryUpdate { category: a_category() },
            json!({"type": 23, "categoryInfo": category_object()}),
        ),
        (Attach::CategoryListRole(listed_role), json!({"type": 24, "notify": listed_role_object})),
        (Attach::CategoryListMembers(listed), json!({"type": 25, "notify": listed_object})),
        (
            Attach::ServerRoleMembersRemove { role: role.clone(), removed: vec!["bob".into()] },
            json!({"type": 27, "serverIdentifyInfo": object(&role), "deleteAccids": ["bob"]}),
        ),
        (
            Attach::LayerRoleUpdate { role: a_channel_role(), category: None, auths: auths([(15, 1)]) },
            json!({"type": 29, "channelIdentifyInfo": channel_role_object(), "updateAuths": "{\"15\":1}"}),
        ),
        (
            Attach::LayerRoleUpdate { role: of_category, category: Some(Id(5)), auths: auths([]) },
            json!({
                "type": 29, "channelIdentifyInfo": of_category_object, "updateAuths": "{}", "categoryId": "5"
            }),
        ),
        (
            Attach::MemberRoleUpdate {
                role: override_there.clone(),
                category: Some(Id(5)),
                auths: auths([(15, 0)]),
            },
            json!({
                "type": 30, "userIdentifyInfo": object(&override_there), "updateAuths": "{\"15\":0}",
                "categoryId": "5"
            }),
        ),
    ];
    for (attach, expected) in cases {
        let text = attach.text().0;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{attach:?}");
    }
}
