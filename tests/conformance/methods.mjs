// Every public method of the SDK's services (nim-web-sdk-ng 0.17.2 and 10.8.1 have the same ones), with the
// command it sends. `null`: decided in the client, or done by the room kit over room REST and signalling.
const list = (text) => Object.fromEntries(text.trim().split('\n').map((l) => l.trim().split(/\s+/)).map(([m, c]) => [m, c === '-' ? null : c]));

export const METHODS = {
  '': list(`
    login 24_2
    logout 24_4
    kickOtherClients 24_9
  `),
  qchatServer: list(`
    createServer 24_31
    deleteServer 24_32
    updateServer 24_33
    getServers 24_34
    getServersByPage 24_35
    inviteServerMembers 24_36
    acceptServerInvite 24_37
    rejectInviteServer 24_38
    applyServerJoin 24_39
    acceptServerApply 24_40
    rejectServerApply 24_41
    kickServerMembers 24_42
    leaveServer 24_43
    updateMyMemberInfo 24_44
    updateServerMemberInfo 24_45
    getServerMembers 24_46
    getServerMembersByPage 24_47
    subscribeServer 24_15
    banServerMember 24_104
    unbanServerMember 24_104
    getBannedMembersByPage 24_105
    serverSearchByPage 24_91
    serverMemberSearchByPage 24_92
    generateInviteCode 24_122
    joinByInviteCode 24_123
    getInviteApplyRecordOfServer 24_124
    getInviteApplyRecordOfSelf 24_125
    markRead 25_5
    subscribeAllChannel 25_7
    subscribeAsVisitor 25_9
    enterAsVisitor 25_10
    leaveAsVisitor 25_11
  `),
  qchatChannel: list(`
    createChannel 24_48
    deleteChannel 24_49
    updateChannel 24_50
    getChannels 24_51
    getChannelsByPage 24_52
    getMembersByPage 24_53
    updateWhiteBlackRole 24_54
    getWhiteBlackRolesPage 24_55
    updateWhiteBlackMembers 24_56
    getWhiteBlackMembersPage 24_57
    getExistingWhiteBlackRoles 24_58
    getExistingWhiteBlackMembers 24_59
    updateCategoryInfoOfChannel 24_60
    createChannelCategory 24_109
    removeChannelCategory 24_110
    updateChannelCategory 24_111
    getChannelCategoriesByID 24_112
    updateChannelCategoryWhiteBlackRole 24_113
    getChannelCategoryWhiteBlackRolesPage 24_114
    updateChannelCategoryWhiteBlackMembers 24_115
    getChannelCategoryWhiteBlackMembersPage 24_116
    getChannelCategoryWhiteBlackRoles 24_117
    getChannelCategoryWhiteBlackMembers 24_118
    getChannelCategoriesPage 24_119
    getChannelCategoryChannelsPage 24_120
    subscribeChannel 24_15
    subscribeAsVisitor 25_9
    getChannelUnreadInfos 24_27
    getChannelSearchByPage 24_93
    channelMemberSearch 24_95
  `),
  qchatRole: list(`
    createServerRole 24_61
    deleteServerRole 24_62
    updateServerRole 24_63
    getServerRoles 24_64
    addChannelRole 24_65
    removeChannelRole 24_66
    updateChannelRole 24_67
    getChannelRoles 24_68
    addMemberRole 24_69
    removeMemberRole 24_70
    updateMemberRole 24_71
    getMemberRoles 24_72
    addMembersToServerRole 24_73
    removeMembersFromServerRole 24_74
    getMembersFromServerRole 24_75
    getServerRolesByAccid 24_76
    getExistingServerRolesByAccids 24_77
    getExistingChannelRolesByServerRoleIds 24_78
    getExistingAccidsOfMemberRoles 24_79
    updateServerRolePriorities 24_80
    getExistingAccidsInServerRole 24_81
    checkPermission 24_82
    addChannelCategoryRole 24_83
    removeChannelCategoryRole 24_84
    updateChannelCategoryRole 24_85
    getChannelCategoryRole 24_86
    addChannelCategoryMemberRole 24_87
    removeChannelCategoryMemberRole 24_88
    updateChannelCategoryMemberRole 24_89
    getChannelCategoryMemberRole 24_90
    checkPermissions 24_126
  `),
  qchatMsg: list(`
    sendMessage 24_10
    replyMessage 24_10
    resendMessage 24_10
    updateMessage 24_25
    revokeMessage 24_25
    deleteMessage 24_25
    markMessageRead 24_17
    getHistoryMessage 24_16
    getMessageHistoryByIds 24_100
    getReferMessages 24_100
    getThreadMessages 24_101
    getThreadRootMessagesMeta 24_108
    getMentionedMeMessages 24_127
    areMentionedMeMessages 25_8
    addQuickComment 24_102
    removeQuickComment 24_102
    getQuickComments 24_103
    getLastMessageOfChannels 24_121
    searchMsgByPage 24_94
    sendSystemNotification 24_13
    updateSystemNotification 24_22
    markSystemNotificationsRead 24_28
    sendTypingEvent 24_13
  `),
  qchatMedia: list(`
    initQChatMedia -
    loginByIM 25_1
    connectChannel 25_1
    disconnectChannel -
    addRTCChannelListener -
    removeRTCChannelListener -
    updateRTCChannelInfo 25_2
    getRTCChannelInfo 25_3
    getRTCChannelOnlineMembers 25_4
    getRTCMembers -
    muteAudio -
    unMuteAudio -
    muteVideo -
    unMuteVideo -
    muteAllAudio -
    unMuteAllAudio -
    muteAllVideo -
    unMuteAllVideo -
    kickMemberOut -
    startScreenShare -
    stopScreenShare -
    stopMemberScreenShare -
    getScreenSharingUserUuid -
    subscribeRemoteVideoStream -
    unSubscribeRemoteVideoStream -
    subscribeRemoteVideoSubStream -
    unsubscribeRemoteVideoSubStream -
    setupVideoCanvas -
    setupRemoteVideoSubStreamCanvas -
    enumCameraDevices -
    enumRecordDevices -
    enumPlayoutDevices -
    setSelectedCameraDevice -
    setSelectedRecordDevice -
    setSelectedPlayoutDevice -
  `),
  cloudStorage: list(`
    uploadFile 6_2
    getOriginUrl 6_22
    getFileToken 6_30
  `),
};

/** Methods on a service object that no app calls. */
export const isInternal = (name) =>
  /^_|Handler$|^(constructor|process|processCallback|setOptions|setListener|setListeners|setNeroom|init|emit|eventNames|listeners|listenerCount|on|once|removeListener|removeAllListeners|off|addListener|nosUpload|s3Upload|getNosCdnHost|getGrayscaleConfig|getPrivateUrl|getFileAuthToken|getThumbUrl|getVideoCoverUrl|getNosAccessToken|deleteNosAccessToken)$/.test(name);

/** `[["qchatServer.createServer", "24_31"], …]` in the order above. */
export const ALL = Object.entries(METHODS).flatMap(([service, methods]) =>
  Object.entries(methods).map(([name, command]) => [service ? `${service}.${name}` : name, command]));
