//! Entities of the model as the vendor's pages show them: roles write `createtime` and `membercount` in one word, all
//! else in camel case; the extension is `custom`, of roles `ext`.

use rotunda_core::Page;
use rotunda_model::{
    Auths, Category, Channel, Millis, Place, Profile, Right, RightScope,
    role::{LayerRole, MemberRole, RoleMember, ServerRole},
    server::{Ban, Member, Server},
};
use serde_json::{Map, Value, json};

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub ids_as_text: bool,
}

impl Shape {
    pub fn id(self, id: i64) -> Value {
        if self.ids_as_text { id.to_string().into() } else { id.into() }
    }

    pub fn server(self, server: &Server) -> Value {
        json!({
            "serverId": self.id(server.id.get()),
            "name": server.name,
            "icon": server.icon,
            "custom": server.ext,
            "owner": server.owner,
            "memberNumber": server.member_count,
            "channelNumber": server.channel_count,
            "categoryNumber": server.category_count,
            "inviteMode": server.invite_mode.number(),
            "applyMode": server.apply_mode.number(),
            "searchType": server.search_type,
            "searchEnable": server.search_enabled,
            "reorderWeight": server.reorder_weight,
            "validFlag": 1,
            "createTime": server.created,
            "updateTime": server.updated,
        })
    }

    pub fn member(self, member: &Member) -> Value {
        json!({
            "serverId": self.id(member.server.get()),
            "accid": member.accid,
            "nick": member.nick,
            "avatar": member.avatar,
            "custom": member.ext,
            "type": i32::from(member.is_owner),
            "joinTime": member.joined,
            "inviter": member.inviter,
            "validFlag": 1,
            "createTime": member.created,
            "updateTime": member.updated,
        })
    }

    pub fn ban(self, ban: &Ban) -> Value {
        json!({
            "serverId": self.id(ban.server.get()),
            "accid": ban.accid,
            "custom": ban.ext,
            "banTime": ban.created,
            "validFlag": 1,
            "createTime": ban.created,
            "updateTime": ban.updated,
        })
    }

    pub fn channel(self, channel: &Channel) -> Value {
        json!({
            "channelId": self.id(channel.id.get()),
            "serverId": self.id(channel.server.get()),
            "categoryId": self.id(channel.category.map_or(0, |category| category.get())),
            "type": channel.kind.number(),
            "name": channel.name,
            "topic": channel.topic,
            "custom": channel.ext,
            "owner": channel.owner,
            "viewMode": channel.view_mode.number(),
            "visitorMode": channel.visitor_mode.number(),
            "syncMode": channel.sync_mode.number(),
            "reorderWeight": channel.reorder_weight,
            "validFlag": 1,
            "createTime": channel.created,
            "updateTime": channel.updated,
        })
    }

    pub fn category(self, category: &Category) -> Value {
        json!({
            "categoryId": self.id(category.id.get()),
            "serverId": self.id(category.server.get()),
            "name": category.name,
            "custom": category.ext,
            "owner": category.owner,
            "viewMode": category.view_mode.number(),
            "channelNumber": category.channel_count,
            "validFlag": 1,
            "createTime": category.created,
            "updateTime": category.updated,
        })
    }

    pub fn server_role(self, role: &ServerRole) -> Value {
        json!({
            "serverId": self.id(role.server.get()),
            "roleId": self.id(role.id.get()),
            "name": role.name,
            "icon": role.icon,
            "ext": role.ext,
            "auths": auths(Right::BUILT_IN.into_iter(), &role.auths, -1),
            "type": role.kind.number(),
            "membercount": role.member_count,
            "priority": role.priority,
            "createtime": role.created,
            "updatetime": role.updated,
        })
    }

    pub fn role_member(self, of: &RoleMember) -> Value {
        let mut fields = self.member(&of.member);
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("roleId".to_owned(), self.id(of.role.get()));
            fields.insert("createTime".to_owned(), json!(of.created));
            fields.insert("updateTime".to_owned(), json!(of.created));
        }
        fields
    }

    pub fn layer_role(self, role: &LayerRole) -> Value {
        let mut fields = self.place(role.place);
        fields.extend(object(json!({
            "serverId": self.id(role.server.get()),
            "roleId": self.id(role.id.get()),
            "serverRoleId": self.id(role.server_role.get()),
            "name": role.name,
            "icon": role.icon,
            "ext": role.ext,
            "auths": layer_auths(&role.auths),
            "type": role.kind.number(),
            "createtime": role.created,
            "updatetime": role.updated,
        })));
        Value::Object(fields)
    }

    pub fn member_role(self, role: &MemberRole) -> Value {
        let member = &role.member;
        let mut fields = self.place(role.place);
        fields.extend(object(json!({
            "serverId": self.id(role.server.get()),
            "id": self.id(role.id.get()),
            "accid": role.accid,
            "auths": layer_auths(&role.auths),
            "nick": member.nick,
            "avatar": member.avatar,
            "custom": member.ext,
            "type": i32::from(member.is_owner),
            "joinTime": member.joined,
            "inviter": member.inviter,
            "createtime": role.created,
            "updatetime": role.updated,
        })));
        Value::Object(fields)
    }

    fn place(self, place: Place) -> Map<String, Value> {
        let (name, id) = match place {
            Place::Channel(channel) => ("channelId", channel.get()),
            Place::Category(category) => ("categoryId", category.get()),
        };
        Map::from_iter([(name.to_owned(), self.id(id))])
    }

    /// `pageInfo`, and the items under their name.
    pub fn page<T>(
        self,
        page: &Page<T>,
        name: &str,
        write: impl Fn(Self, &T) -> Value,
    ) -> Map<String, Value> {
        let info = json!({ "hasMore": page.has_more, "nextTimetag": page.next });
        let mut fields = self.list(&page.items, name, write);
        fields.insert("pageInfo".to_owned(), info);
        fields
    }

    pub fn list<T>(self, items: &[T], name: &str, write: impl Fn(Self, &T) -> Value) -> Map<String, Value> {
        let written: Vec<Value> = items.iter().map(|item| write(self, item)).collect();
        Map::from_iter([(name.to_owned(), written.into())])
    }
}

pub fn profile(profile: &Profile) -> Value {
    json!({
        "accid": profile.accid,
        "name": profile.name,
        "icon": profile.icon,
        "sign": profile.sign,
        "email": profile.email,
        "birth": profile.birth,
        "mobile": profile.mobile,
        "gender": profile.gender.number(),
        "ex": profile.ex,
    })
}

/// A moment, in milliseconds.
pub fn time(at: Millis) -> Value {
    at.get().into()
}

/// JSON text of all `rights`, `otherwise` where the layer says nothing, and of what it says beside them.
fn auths(rights: impl Iterator<Item = Right>, of: &Auths, otherwise: i8) -> String {
    let mut map: std::collections::BTreeMap<u32, i8> = rights.map(|right| (right.id(), otherwise)).collect();
    map.extend(of.iter().map(|(right, value)| (right.id(), value.number())));
    serde_json::to_string(&map).unwrap_or_default()
}

fn layer_auths(of: &Auths) -> String {
    auths(Right::BUILT_IN.into_iter().filter(|right| right.scope() == RightScope::Channel), of, 0)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
