//! Entities of the model as the link protocol writes them.

use rotunda_model::{
    Auths, Category, CategoryId, Place,
    channel::Channel,
    role::{LayerRole, MemberRole, RoleMember, ServerRole},
    server::{Ban, Member, Server},
};
use rotunda_wire::{AuthMap, Id, Tags, entity};

pub fn server(server: &Server) -> entity::Server {
    entity::Server {
        server_id: Id(server.id.get()),
        name: server.name.clone(),
        icon: server.icon.clone(),
        ext: server.ext.clone(),
        owner: server.owner.as_str().into(),
        member_number: server.member_count.into(),
        invite_mode: server.invite_mode.number().into(),
        apply_mode: server.apply_mode.number().into(),
        valid: true,
        create_time: server.created.get(),
        update_time: server.updated.get(),
        channel_number: server.channel_count.into(),
        category_number: server.category_count.into(),
        search_type: server.search_type.into(),
        search_enable: server.search_enabled,
        reorder_weight: server.reorder_weight.to_string(),
    }
}

pub fn member(member: &Member) -> entity::Member {
    entity::Member {
        server_id: Id(member.server.get()),
        accid: member.accid.as_str().into(),
        nick: member.nick.clone(),
        avatar: member.avatar.clone(),
        ext: member.ext.clone(),
        kind: member.is_owner.into(),
        join_time: member.joined.get(),
        inviter: inviter(member),
        valid: true,
        create_time: member.created.get(),
        update_time: member.updated.get(),
    }
}

pub fn ban(ban: &Ban) -> entity::Ban {
    entity::Ban {
        server_id: Id(ban.server.get()),
        accid: ban.accid.as_str().into(),
        ext: ban.ext.clone(),
        ban_time: ban.created.get(),
        valid: true,
        create_time: ban.created.get(),
        update_time: ban.updated.get(),
    }
}

pub fn category(category: &Category) -> entity::Category {
    entity::Category {
        category_id: Id(category.id.get()),
        server_id: Id(category.server.get()),
        name: category.name.clone(),
        ext: category.ext.clone(),
        owner: category.owner.as_str().into(),
        view_mode: category.view_mode.number().into(),
        valid: true,
        create_time: category.created.get(),
        update_time: category.updated.get(),
        channel_number: category.channel_count.into(),
    }
}

pub fn channel(channel: &Channel) -> entity::Channel {
    entity::Channel {
        channel_id: Id(channel.id.get()),
        server_id: Id(channel.server.get()),
        name: channel.name.clone(),
        topic: channel.topic.clone(),
        ext: channel.ext.clone(),
        kind: channel.kind.number().into(),
        valid: true,
        create_time: channel.created.get(),
        update_time: channel.updated.get(),
        owner: channel.owner.as_str().into(),
        view_mode: channel.view_mode.number().into(),
        category_id: Id(channel.category.map_or(0, |category| category.get())),
        sync_mode: channel.sync_mode.number().into(),
        reorder_weight: channel.reorder_weight.to_string(),
        visitor_mode: channel.visitor_mode.number().into(),
    }
}

/// `auths` as they are: a right in neither set is left out. Answers that must name all 27 are filled by the caller.
pub fn auths(auths: &Auths) -> AuthMap {
    AuthMap(auths.iter().map(|(right, value)| (right.id(), value.number())).collect())
}

/// Server roles know only allow and deny, so every built-in right is written, what is not allowed as −1.
pub fn server_auths(of: &Auths) -> AuthMap {
    let mut map = auths(of);
    for right in rotunda_model::Right::BUILT_IN {
        let value = if of.allowed().has(right) { 1 } else { -1 };
        map.0.insert(right.id(), value);
    }
    map
}

/// `is_member`: whether the caller has the role, only known in 24_64.
pub fn server_role(role: &ServerRole, is_member: Option<bool>) -> entity::ServerRole {
    entity::ServerRole {
        server_id: Id(role.server.get()),
        role_id: Id(role.id.get()),
        name: role.name.clone(),
        icon: role.icon.clone(),
        ext: role.ext.clone(),
        auths: Some(server_auths(&role.auths)),
        kind: role.kind.number().into(),
        member_count: role.member_count,
        priority: role.priority,
        create_time: role.created.get(),
        update_time: role.updated.get(),
        is_member,
    }
}

/// The roles of an account (24_76) come without what they allow.
pub fn server_role_without_auths(role: &ServerRole) -> entity::ServerRole {
    entity::ServerRole { auths: None, ..server_role(role, None) }
}

pub fn role_member(of: &RoleMember) -> entity::RoleMember {
    let member = &of.member;
    entity::RoleMember {
        server_id: Id(of.server.get()),
        role_id: Id(of.role.get()),
        accid: member.accid.as_str().into(),
        create_time: of.created.get(),
        update_time: of.created.get(),
        nick: member.nick.clone(),
        avatar: member.avatar.clone(),
        ext: member.ext.clone(),
        member_kind: member.is_owner.into(),
        join_time: member.joined.get(),
        inviter: inviter(member),
    }
}

/// As the answers show it: a channel's role and a category's have different tags.
pub fn layer_role(role: &LayerRole) -> Tags {
    match role.place {
        Place::Channel(_) => channel_role(role).to_tags(),
        Place::Category(category) => category_role(role, category).to_tags(),
    }
}

/// As notifications show it, which have one form for both; the channel is left out of a category's role.
pub fn channel_role(role: &LayerRole) -> entity::ChannelRole {
    entity::ChannelRole {
        server_id: Id(role.server.get()),
        role_id: Id(role.id.get()),
        parent_role_id: Id(role.server_role.get()),
        channel_id: channel_of(role.place),
        name: role.name.clone(),
        icon: role.icon.clone(),
        ext: role.ext.clone(),
        auths: channel_auths(&role.auths),
        kind: role.kind.number().into(),
        create_time: role.created.get(),
        update_time: role.updated.get(),
    }
}

fn category_role(role: &LayerRole, category: CategoryId) -> entity::CategoryRole {
    entity::CategoryRole {
        role_id: Id(role.id.get()),
        category_id: Id(category.get()),
        server_id: Id(role.server.get()),
        parent_role_id: Id(role.server_role.get()),
        kind: role.kind.number().into(),
        valid: true,
        create_time: role.created.get(),
        update_time: role.updated.get(),
        auths: channel_auths(&role.auths),
        name: role.name.clone(),
        icon: role.icon.clone(),
        ext: role.ext.clone(),
    }
}

/// As the answers show it: an override in a channel and one in a category have different tags.
pub fn member_role(role: &MemberRole) -> Tags {
    match role.place {
        Place::Channel(_) => channel_member_role(role).to_tags(),
        Place::Category(category) => category_member_role(role, category).to_tags(),
    }
}

/// As notifications show it, which have one form for both; the channel is left out of an override in a category.
pub fn channel_member_role(role: &MemberRole) -> entity::MemberRole {
    let member = &role.member;
    entity::MemberRole {
        server_id: Id(role.server.get()),
        id: Id(role.id.get()),
        accid: role.accid.as_str().into(),
        channel_id: channel_of(role.place),
        auths: channel_auths(&role.auths),
        create_time: role.created.get(),
        update_time: role.updated.get(),
        nick: member.nick.clone(),
        avatar: member.avatar.clone(),
        ext: member.ext.clone(),
        member_kind: member.is_owner.into(),
        join_time: member.joined.get(),
        inviter: inviter(member),
    }
}

fn category_member_role(role: &MemberRole, category: CategoryId) -> entity::CategoryMemberRole {
    let member = &role.member;
    entity::CategoryMemberRole {
        id: Id(role.id.get()),
        accid: role.accid.as_str().into(),
        category_id: Id(category.get()),
        server_id: Id(role.server.get()),
        valid: true,
        create_time: role.created.get(),
        update_time: role.updated.get(),
        auths: channel_auths(&role.auths),
        nick: member.nick.clone(),
        avatar: member.avatar.clone(),
        ext: member.ext.clone(),
        member_kind: member.is_owner.into(),
        join_time: member.joined.get(),
        inviter: inviter(member),
    }
}

fn channel_of(place: Place) -> Option<Id> {
    match place {
        Place::Channel(channel) => Some(Id(channel.get())),
        Place::Category(_) => None,
    }
}

fn inviter(of: &Member) -> Option<String> {
    of.inviter.as_ref().map(|inviter| inviter.as_str().into())
}

/// An override or channel layer: every channel-scope right is written, 0 where it inherits.
pub fn channel_auths(of: &Auths) -> AuthMap {
    let mut map = auths(of);
    for right in rotunda_model::Right::BUILT_IN {
        if right.scope() == rotunda_model::RightScope::Channel {
            map.0.insert(right.id(), of.get(right).number());
        }
    }
    map
}
