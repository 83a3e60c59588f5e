//! A message of the link read as far as it goes: as a frame, a packet, and the items of every command.

use rotunda_wire::{
    Frame, Items, Request,
    command::{Command, category, channel, layer, list, media, member, role, server, session, subscription},
};

/// One WebSocket message. It is read or refused; nothing panics.
pub fn read_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(Frame::Packet(json)) = Frame::parse(text) else { return };
    if let Ok(request) = Request::parse(json) {
        read_as_every_command(&request.items);
    }
}

pub fn read_as_every_command(items: &Items) {
    fn one<C: Command>(items: &Items) {
        let _ = C::read(items);
    }
    one::<category::CreateCategory>(items);
    one::<category::DeleteCategory>(items);
    one::<category::UpdateCategory>(items);
    one::<category::GetCategories>(items);
    one::<category::GetCategoriesPage>(items);
    one::<category::GetCategoryChannelsPage>(items);
    one::<channel::CreateChannel>(items);
    one::<channel::UpdateChannel>(items);
    one::<channel::GetChannelsPage>(items);
    one::<channel::GetChannelMembersPage>(items);
    one::<channel::UpdateChannelPlacement>(items);
    one::<layer::AddChannelRole>(items);
    one::<layer::RemoveChannelRole>(items);
    one::<layer::UpdateChannelRole>(items);
    one::<layer::GetChannelRoles>(items);
    one::<layer::AddMemberRole>(items);
    one::<layer::RemoveMemberRole>(items);
    one::<layer::UpdateMemberRole>(items);
    one::<layer::GetMemberRoles>(items);
    one::<layer::GetExistingChannelRoles>(items);
    one::<layer::GetExistingMemberRoles>(items);
    one::<layer::AddCategoryRole>(items);
    one::<layer::RemoveCategoryRole>(items);
    one::<layer::UpdateCategoryRole>(items);
    one::<layer::GetCategoryRoles>(items);
    one::<layer::AddCategoryMemberRole>(items);
    one::<layer::RemoveCategoryMemberRole>(items);
    one::<layer::UpdateCategoryMemberRole>(items);
    one::<layer::GetCategoryMemberRoles>(items);
    one::<list::UpdateChannelListRole>(items);
    one::<list::GetChannelListRolesPage>(items);
    one::<list::UpdateChannelListMembers>(items);
    one::<list::GetChannelListMembersPage>(items);
    one::<list::GetChannelListRoles>(items);
    one::<list::GetChannelListMembers>(items);
    one::<list::UpdateCategoryListRole>(items);
    one::<list::GetCategoryListRolesPage>(items);
    one::<list::UpdateCategoryListMembers>(items);
    one::<list::GetCategoryListMembersPage>(items);
    one::<list::GetCategoryListRoles>(items);
    one::<list::GetCategoryListMembers>(items);
    one::<media::UpdateRtcConfig>(items);
    one::<member::InviteServerMembers>(items);
    one::<member::AcceptInvite>(items);
    one::<member::KickServerMembers>(items);
    one::<member::UpdateOwnMember>(items);
    one::<member::UpdateOtherMember>(items);
    one::<member::GetServerMembersPage>(items);
    one::<member::UpdateMemberBan>(items);
    one::<member::GetBannedMembersPage>(items);
    one::<role::DeleteServerRole>(items);
    one::<role::UpdateServerRole>(items);
    one::<role::AddRoleMembers>(items);
    one::<role::RemoveRoleMembers>(items);
    one::<role::GetRoleMembers>(items);
    one::<role::GetRolesOfMember>(items);
    one::<role::GetExistingRolesOfMembers>(items);
    one::<role::UpdateRolePriorities>(items);
    one::<role::GetExistingRoleMembers>(items);
    one::<role::CheckPermissions>(items);
    one::<server::CreateServer>(items);
    one::<server::DeleteServer>(items);
    one::<server::GetServers>(items);
    one::<server::GetServersPage>(items);
    one::<session::LogIn>(items);
    one::<session::KickOthers>(items);
    one::<subscription::Subscribe>(items);
    one::<subscription::GetOwnRoles>(items);
}
