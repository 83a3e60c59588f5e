//! The map: which action lives in which family, under the vendor's names. What is in none is refused with a code and
//! counted by name.

use super::{
    Call, Group, Refusal, Reply, ban, category, channel, custom_right, layer_role, list, member, member_role,
    role, server, user,
};

/// An action that is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    pub group: Group,
    /// The file that does it, named as in `core`.
    pub family: &'static str,
    pub name: &'static str,
}

/// Makes the names and the dispatch of one list, so that neither can miss what the other has.
macro_rules! actions {
    (
        $($group:ident { $($family:ident { $($name:ident => $function:ident,)* })* })*
        ; unbuilt { $($unbuilt:ident,)* }
    ) => {
        /// Every action that is built.
        pub const BUILT: &[Action] = &[$($($(Action {
            group: Group::$group,
            family: stringify!($family),
            name: stringify!($name),
        },)*)*)*];

        /// Actions of the vendor's table that no use case exists for: 403.
        pub const UNBUILT: &[&str] = &[$(stringify!($unbuilt),)*];

        pub async fn dispatch(group: Group, name: &'static str, call: Call<'_>) -> Reply {
            match (group, name) {
                // Boxed, so that the future of a request is as large as the largest action's, not as all of them.
                $($($((Group::$group, stringify!($name)) => Box::pin($family::$function(call)).await,)*)*)*
                _ => Err(Refusal::NotOpened),
            }
        }
    };
}

actions! {
    User {
        user {
            create => create,
            update => update,
            refreshToken => refresh_token,
            block => block,
            unblock => unblock,
            getUinfos => profiles,
            updateUinfo => update_profile,
            userOnlineStatus => online,
        }
    }
    Qchat {
        server {
            createServer => create,
            removeServer => remove,
            getServers => by_ids,
            getServerListPage => page,
            requestAddr => address,
        }
        member {
            inviteServerMember => invite,
            acceptServerInvite => accept_invite,
            applyServer => apply,
            acceptServerApply => accept_application,
            kickServerMember => kick,
            leaveServer => leave,
            updateServerMember => update_own,
            updateOtherServerMember => update_other,
            getServerMemberListPage => page,
            getServerMembers => by_accids,
        }
        ban {
            updateServerMemberBan => update,
            getServerMemberBanListPage => page,
        }
        channel {
            createChannel => create,
            updateChannel => update,
            updateCategoryInfoOfChannel => set_category,
            removeChannel => remove,
            getChannelListPage => page,
            getChannels => by_ids,
            getChannelMemberListPage => members,
        }
        list {
            updateWhiteBlackIdentifyUser => edit_channel_members,
            updateWhiteBlackIdentify => edit_channel_role,
            queryWhiteBlackIdentifyUser => channel_members,
            queryWhiteBlackIdentify => channel_roles,
            batchGetWhiteBlackIdentifyUser => channel_members_among,
            batchGetWhiteBlackIdentify => channel_roles_among,
            updateCategoryWhiteBlackIdentifyUser => edit_category_members,
            updateCategoryWhiteBlackIdentify => edit_category_role,
            queryCategoryWhiteBlackIdentifyUserPage => category_members,
            queryCategoryWhiteBlackIdentifyPage => category_roles,
            batchGetCategoryWhiteBlackIdentifyUser => category_members_among,
            batchGetCategoryWhiteBlackIdentify => category_roles_among,
        }
        category {
            createChannelCategory => create,
            removeChannelCategory => remove,
            updateChannelCategory => update,
            getChannelCategorys => by_ids,
            getChannelCategoryListByServerPage => page,
            getChannelListByChannelCategoryPage => channels,
        }
        role {
            createServerIdentify => create,
            updateServerIdentify => update,
            removeServerIdentify => remove,
            batchUpdateServerIdentifyPriority => set_priorities,
            getServerIdentifyPages => page,
            createServerIdentifyMember => add_members,
            deleteServerIdentifyMember => remove_members,
            getServerIdentifyMemberPages => members,
            getUserServerIdentify => of_account,
            queryIdentifyResources => held,
        }
        layer_role {
            createChannelIdentify => create_in_channel,
            updateChannelIdentify => update_in_channel,
            deleteChannelIdentify => remove_in_channel,
            getChannelIdentifyPages => page_of_channel,
            createChannelCategoryIdentify => create_in_category,
            updateChannelCategoryIdentify => update_in_category,
            deleteChannelCategoryIdentify => remove_in_category,
            getChannelCategoryIdentify => page_of_category,
        }
        member_role {
            createUserIdentify => create_in_channel,
            updateUserIdentify => update_in_channel,
            deleteUserIdentify => remove_in_channel,
            getUserIdentifyPages => page_of_channel,
            createChannelCategoryUserIdentify => create_in_category,
            updateChannelCategoryUserIdentify => update_in_category,
            deleteChannelCategoryUserIdentify => remove_in_category,
            getChannelCategoryUserIdentify => page_of_category,
        }
        custom_right {
            createCustomAuth => create,
            deleteCustomAuth => remove,
            listAllCustomAuth => all,
            listCustomAuthByAuthBits => by_ids,
        }
    }
    ;
    unbuilt {
        updateServer,
        rejectServerInvite,
        rejectServerApply,
        generateInviteCode,
        joinServerByInviteCode,
        queryInviteApplyHistoryByServer,
        queryInviteApplyHistoryByUser,
        sendMsg,
        updateMsg,
        queryHistoryMsg,
        queryThreadTalkHistory,
        batchQueryThreadTalkMeta,
        updateQuickComment,
        queryQuickComment,
        queryChannelUnReadMentionedMsgPage,
        sendAttachMsg,
        updateAttachMsg,
        batchUpdateServerReorderWeight,
        batchUpdateChannelReorderWeight,
    }
}

/// The name as our own text, when the vendor has such an action.
pub fn known(group: Group, name: &str) -> Option<&'static str> {
    let built = BUILT.iter().filter(|action| action.group == group).map(|action| action.name);
    let unbuilt = UNBUILT.iter().copied().filter(|_| group == Group::Qchat);
    built.chain(unbuilt).find(|known| *known == name)
}
