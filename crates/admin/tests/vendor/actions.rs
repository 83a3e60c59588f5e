//! Every action, done and refused.

use std::collections::{BTreeMap, BTreeSet};

use rotunda_admin::vendor::{Action, BUILT};
use rotunda_testkit::TestApp;
use serde_json::Value;
use sqlx::PgPool;

use crate::support::{Backend, code, config};

/// Action, fields, code, and what of the answer later steps call by which name: `/pointer name`. `{name}` in the fields
/// is replaced. `ann` owns everything, `bob`, `cid` and `dan` become members, `eve` stays outside.
const STEPS: &[(&str, &str, u64, &str)] = &[
    ("user/create", "accid=Gil;name=Gil;token=gils", 200, "/info/token token"),
    ("user/create", "accid=gil", 414, ""),
    ("user/create", "accid=no one", 414, ""),
    ("user/update", "accid=gil;token=gils-other", 200, ""),
    ("user/update", "accid=nobody;token=x", 414, ""),
    ("user/refreshToken", "accid=gil", 200, "/info/token token"),
    ("user/refreshToken", "accid=nobody", 414, ""),
    ("user/updateUinfo", "accid=gil;gender=1;ex=测;sign=hello", 200, ""),
    ("user/updateUinfo", "accid=gil;gender=3", 414, ""),
    ("user/getUinfos", r#"accids=["gil","nobody"]"#, 200, "/uinfos/0/ex ex"),
    ("user/getUinfos", "accids=[]", 414, ""),
    ("user/userOnlineStatus", r#"accids=["gil"]"#, 200, "/uinfos/0/online online"),
    ("user/userOnlineStatus", "accids=gil", 414, ""),
    ("user/block", "accid=nobody", 414, ""),
    ("user/block", "accid=gil;needkick=true;kickNotifyExt=bye", 200, ""),
    ("qchat/createServer", "accid=gil;name=x", 422, ""),
    ("user/unblock", "accid=nobody", 414, ""),
    ("user/unblock", "accid=gil", 200, ""),
    ("qchat/createServer", "accid=gil;name=x", 200, ""),
    // Servers and the ways in.
    ("qchat/createServer", "accid=ann;name=home;custom=c;inviteMode=1", 200, "/server/serverId home"),
    ("qchat/createServer", "accid=ann;name=x;inviteMode=2", 414, ""),
    ("qchat/createServer", "accid=nobody;name=x", 414, ""),
    ("qchat/createServer", "name=x", 414, ""),
    ("qchat/createServer", "accid=ann;name=door;applyMode=1", 200, "/server/serverId door"),
    ("qchat/getServers", "serverIds=[{home},\"{door}\"]", 200, "/servers/1/name name"),
    ("qchat/getServers", "accid=eve;serverIds=[{home}]", 200, "/servers/0/custom custom"),
    ("qchat/getServers", "serverIds={home}", 414, ""),
    ("qchat/getServerListPage", "accid=ann;timetag=0;limit=200", 200, "/pageInfo/nextTimetag time"),
    ("qchat/getServerListPage", "timetag=0", 414, ""),
    ("qchat/requestAddr", "accid=ann", 200, "/addr/0 addr"),
    ("qchat/requestAddr", "accid=nobody", 414, ""),
    ("qchat/inviteServerMember", r#"accid=eve;serverId={home};accids=["bob"]"#, 403, ""),
    ("qchat/inviteServerMember", r#"accid=ann;serverId={home};accids=["bob","cid","dan"];ps=hi"#, 200, ""),
    ("qchat/inviteServerMember", r#"accid=ann;serverId={home};accids=["bob"]"#, 417, ""),
    (
        "qchat/inviteServerMember",
        r#"accid=ann;serverId={door};accids=["bob"];ttl=60000"#,
        200,
        "/recordInfo/requestId invited",
    ),
    ("qchat/acceptServerInvite", "accid=bob;serverId={door};faccid=cid;requestId={invited}", 404, ""),
    ("qchat/acceptServerInvite", "accid=bob;serverId={door};faccid=ann;requestId={invited}", 200, ""),
    ("qchat/applyServer", "accid=bob;serverId={door}", 417, ""),
    ("qchat/applyServer", "accid=eve;serverId={door};ps=please", 200, "/recordInfo/requestId applied"),
    ("qchat/acceptServerApply", "accid=bob;serverId={door};faccid=eve;requestId={applied}", 403, ""),
    ("qchat/acceptServerApply", "accid=ann;serverId={door};faccid=eve;requestId={applied}", 200, ""),
    ("qchat/getServerMembers", r#"serverId={home};accids=["bob","eve"]"#, 200, "/serverMembers/0/accid bob"),
    ("qchat/getServerMembers", "serverId={home};accids=[]", 414, ""),
    ("qchat/getServerMemberListPage", "serverId={home};timetag=0;limit=2", 200, "/serverMembers/1/accid x"),
    ("qchat/getServerMemberListPage", "accid=eve;serverId={home}", 403, ""),
    ("qchat/getServerMemberListPage", "serverId=1", 404, ""),
    ("qchat/updateServerMember", "accid=bob;serverId={home};nick=B;custom=c", 200, "/serverMember/nick nick"),
    ("qchat/updateServerMember", "accid=eve;serverId={home};nick=E", 403, ""),
    ("qchat/updateOtherServerMember", "accid=ann;serverId={home};faccid=bob;nick=Bb", 200, ""),
    ("qchat/updateOtherServerMember", "accid=bob;serverId={home};faccid=cid;nick=C", 403, ""),
    // Categories, channels, lists.
    ("qchat/createChannelCategory", "accid=ann;serverId={home};name=rooms", 200, "/category/categoryId cat"),
    ("qchat/createChannelCategory", "accid=bob;serverId={home};name=x", 403, ""),
    ("qchat/updateChannelCategory", "accid=ann;categoryId={cat};name=halls", 200, "/category/name name"),
    ("qchat/updateChannelCategory", "accid=bob;categoryId={cat};name=x", 403, ""),
    ("qchat/getChannelCategorys", "categoryIds=[{cat}]", 200, "/categories/0/name name"),
    ("qchat/getChannelCategorys", "accid=ann;categoryIds=x", 414, ""),
    ("qchat/getChannelCategoryListByServerPage", "serverId={home}", 200, "/categories/0/categoryId cat"),
    ("qchat/getChannelCategoryListByServerPage", "accid=eve;serverId={home}", 403, ""),
    ("qchat/createChannel", "accid=ann;serverId={home};name=talk;type=1", 200, "/channel/channelId talk"),
    ("qchat/createChannel", "accid=bob;serverId={home};name=x", 403, ""),
    ("qchat/createChannel", "accid=ann;serverId={home};name=x;type=2", 414, ""),
    ("qchat/updateChannel", "accid=ann;channelId={talk};topic=t;custom=c", 200, "/channel/topic topic"),
    ("qchat/updateChannel", "accid=bob;channelId={talk};topic=t", 403, ""),
    ("qchat/updateCategoryInfoOfChannel", "accid=ann;channelId={talk};categoryId={cat}", 200, ""),
    ("qchat/updateCategoryInfoOfChannel", "accid=bob;channelId={talk};categoryId=0", 403, ""),
    (
        "qchat/getChannelListByChannelCategoryPage",
        "serverId={home};categoryId={cat}",
        200,
        "/channels/0/name n",
    ),
    ("qchat/getChannelListByChannelCategoryPage", "accid=eve;serverId={home};categoryId={cat}", 403, ""),
    ("qchat/getChannelListPage", "serverId={home};timetag=0;limit=10", 200, "/channels/0/channelId talk"),
    ("qchat/getChannelListPage", "accid=eve;serverId={home}", 403, ""),
    ("qchat/getChannels", "channelIds=[{talk}]", 200, "/channels/0/categoryId cat"),
    ("qchat/getChannels", "channelIds=", 414, ""),
    ("qchat/getChannelMemberListPage", "serverId={home};channelId={talk}", 200, "/members/0/accid x"),
    ("qchat/getChannelMemberListPage", "accid=eve;serverId={home};channelId={talk}", 403, ""),
    (
        "qchat/updateWhiteBlackIdentifyUser",
        r#"accid=ann;serverId={home};channelId={talk};type=2;opeType=1;toAccids=["dan"]"#,
        200,
        "",
    ),
    (
        "qchat/updateWhiteBlackIdentifyUser",
        r#"accid=bob;serverId={home};channelId={talk};type=2;opeType=1;toAccids=["dan"]"#,
        403,
        "",
    ),
    (
        "qchat/updateWhiteBlackIdentifyUser",
        r#"accid=ann;serverId={home};channelId={talk};type=1;opeType=1;toAccids=["dan"]"#,
        414,
        "",
    ),
    (
        "qchat/queryWhiteBlackIdentifyUser",
        "serverId={home};channelId={talk};type=2",
        200,
        "/members/0/accid dan",
    ),
    ("qchat/queryWhiteBlackIdentifyUser", "accid=bob;serverId={home};channelId={talk};type=2", 403, ""),
    (
        "qchat/batchGetWhiteBlackIdentifyUser",
        r#"serverId={home};channelId={talk};type=2;accids=["dan","bob"]"#,
        200,
        "/members/0/accid dan",
    ),
    ("qchat/batchGetWhiteBlackIdentifyUser", "serverId={home};channelId={talk};type=2", 414, ""),
    (
        "qchat/updateCategoryWhiteBlackIdentifyUser",
        r#"accid=ann;serverId={home};categoryId={cat};type=2;opeType=1;toAccids=["dan"]"#,
        200,
        "",
    ),
    (
        "qchat/updateCategoryWhiteBlackIdentifyUser",
        r#"accid=bob;serverId={home};categoryId={cat};type=2;opeType=2;toAccids=["dan"]"#,
        403,
        "",
    ),
    (
        "qchat/queryCategoryWhiteBlackIdentifyUserPage",
        "serverId={home};categoryId={cat};type=2",
        200,
        "/members/0/accid dan",
    ),
    ("qchat/queryCategoryWhiteBlackIdentifyUserPage", "serverId={home};categoryId={cat};type=3", 414, ""),
    (
        "qchat/batchGetCategoryWhiteBlackIdentifyUser",
        r#"serverId={home};categoryId={cat};type=2;accids=["dan"]"#,
        200,
        "/members/0/accid dan",
    ),
    (
        "qchat/batchGetCategoryWhiteBlackIdentifyUser",
        r#"accid=eve;serverId={home};categoryId={cat};type=2;accids=["dan"]"#,
        403,
        "",
    ),
    // Roles.
    (
        "qchat/createServerIdentify",
        "accid=ann;serverId={home};type=2;name=mods;priority=3",
        200,
        "/identify/roleId mods",
    ),
    ("qchat/createServerIdentify", "accid=bob;serverId={home};type=2;name=x", 403, ""),
    ("qchat/createServerIdentify", "accid=ann;serverId={home};type=1;name=x", 414, ""),
    (
        "qchat/updateServerIdentify",
        r#"accid=ann;serverId={home};roleId={mods};auths={"7":1};name=guards"#,
        200,
        "/identify/auths auths",
    ),
    ("qchat/updateServerIdentify", r#"accid=bob;serverId={home};roleId={mods};auths={"1":1}"#, 403, ""),
    ("qchat/updateServerIdentify", r#"accid=ann;serverId={home};roleId={mods};auths={"28":1}"#, 414, ""),
    (
        "qchat/batchUpdateServerIdentifyPriority",
        r#"accid=ann;serverId={home};roleIdPriorityMap={"{mods}":5}"#,
        200,
        "/identifies/0/priority priority",
    ),
    (
        "qchat/batchUpdateServerIdentifyPriority",
        r#"accid=bob;serverId={home};roleIdPriorityMap={"{mods}":1}"#,
        403,
        "",
    ),
    ("qchat/getServerIdentifyPages", "serverId={home}", 200, "/identifies/1/roleId mods"),
    ("qchat/getServerIdentifyPages", "accid=eve;serverId={home}", 403, ""),
    (
        "qchat/createServerIdentifyMember",
        r#"accid=ann;serverId={home};roleId={mods};faccids=["bob","eve","no one"]"#,
        200,
        "/failAccids failed",
    ),
    (
        "qchat/createServerIdentifyMember",
        r#"accid=cid;serverId={home};roleId={mods};faccids=["cid"]"#,
        403,
        "",
    ),
    ("qchat/getServerIdentifyMemberPages", "serverId={home};roleId={mods}", 200, "/members/0/accid bob"),
    ("qchat/getServerIdentifyMemberPages", "serverId={home};roleId=1", 404, ""),
    ("qchat/getUserServerIdentify", "serverId={home};faccid=bob", 200, "/identifies/0/roleId mods"),
    ("qchat/getUserServerIdentify", "accid=eve;serverId={home}", 403, ""),
    ("qchat/queryIdentifyResources", "accid=bob;serverId={home};channelId={talk}", 200, "/auths auths"),
    ("qchat/queryIdentifyResources", "accid=bob;serverId={home};channelId=1", 404, ""),
    (
        "qchat/updateWhiteBlackIdentify",
        "accid=ann;serverId={home};channelId={talk};type=2;opeType=1;roleId={mods}",
        200,
        "",
    ),
    (
        "qchat/updateWhiteBlackIdentify",
        "accid=cid;serverId={home};channelId={talk};type=2;opeType=1;roleId={mods}",
        403,
        "",
    ),
    (
        "qchat/queryWhiteBlackIdentify",
        "serverId={home};channelId={talk};type=2",
        200,
        "/identifies/0/roleId mods",
    ),
    ("qchat/queryWhiteBlackIdentify", "accid=eve;serverId={home};channelId={talk};type=2", 403, ""),
    (
        "qchat/batchGetWhiteBlackIdentify",
        "serverId={home};channelId={talk};type=2;roleids=[{mods}]",
        200,
        "/identifies/0/roleId mods",
    ),
    ("qchat/batchGetWhiteBlackIdentify", "serverId={home};channelId={talk};type=2;roleids=[0]", 414, ""),
    (
        "qchat/updateCategoryWhiteBlackIdentify",
        "accid=ann;serverId={home};categoryId={cat};type=2;opeType=1;roleId={mods}",
        200,
        "",
    ),
    (
        "qchat/updateCategoryWhiteBlackIdentify",
        "accid=cid;serverId={home};categoryId={cat};type=2;opeType=1;roleId={mods}",
        403,
        "",
    ),
    (
        "qchat/queryCategoryWhiteBlackIdentifyPage",
        "serverId={home};categoryId={cat};type=2",
        200,
        "/identifies/0/roleId mods",
    ),
    (
        "qchat/queryCategoryWhiteBlackIdentifyPage",
        "accid=eve;serverId={home};categoryId={cat};type=2",
        403,
        "",
    ),
    (
        "qchat/batchGetCategoryWhiteBlackIdentify",
        "serverId={home};categoryId={cat};type=2;roleids=[{mods}]",
        200,
        "/identifies/0/roleId mods",
    ),
    (
        "qchat/batchGetCategoryWhiteBlackIdentify",
        "accid=eve;serverId={home};categoryId={cat};type=2;roleids=[1]",
        403,
        "",
    ),
    // Layers and overrides.
    (
        "qchat/createChannelIdentify",
        "accid=ann;serverId={home};channelId={talk};serverRoleId={mods}",
        200,
        "/identify/roleId there",
    ),
    (
        "qchat/createChannelIdentify",
        "accid=ann;serverId={home};channelId={talk};serverRoleId={mods}",
        417,
        "",
    ),
    (
        "qchat/updateChannelIdentify",
        r#"accid=ann;serverId={home};channelId={talk};roleId={there};auths={"17":-1}"#,
        200,
        "/identify/auths auths",
    ),
    (
        "qchat/updateChannelIdentify",
        r#"accid=ann;serverId={home};channelId={talk};roleId={there};auths={"7":1}"#,
        414,
        "",
    ),
    (
        "qchat/getChannelIdentifyPages",
        "serverId={home};channelId={talk}",
        200,
        "/identifies/0/serverRoleId mods",
    ),
    ("qchat/getChannelIdentifyPages", "accid=eve;serverId={home};channelId={talk}", 403, ""),
    ("qchat/deleteChannelIdentify", "accid=cid;serverId={home};channelId={talk};roleId={there}", 403, ""),
    ("qchat/deleteChannelIdentify", "accid=ann;serverId={home};channelId={talk};roleId={there}", 200, ""),
    (
        "qchat/createChannelCategoryIdentify",
        "accid=ann;serverId={home};categoryId={cat};serverRoleId={mods}",
        200,
        "/identify/roleId there",
    ),
    (
        "qchat/createChannelCategoryIdentify",
        "accid=cid;serverId={home};categoryId={cat};serverRoleId={mods}",
        403,
        "",
    ),
    (
        "qchat/updateChannelCategoryIdentify",
        r#"accid=ann;serverId={home};categoryId={cat};roleId={there};auths={"17":1}"#,
        200,
        "/identify/categoryId cat",
    ),
    (
        "qchat/updateChannelCategoryIdentify",
        r#"accid=cid;serverId={home};categoryId={cat};roleId={there};auths={"17":1}"#,
        403,
        "",
    ),
    (
        "qchat/getChannelCategoryIdentify",
        "serverId={home};categoryId={cat}",
        200,
        "/identifies/0/roleId there",
    ),
    ("qchat/getChannelCategoryIdentify", "serverId={home};categoryId=1", 404, ""),
    (
        "qchat/deleteChannelCategoryIdentify",
        "accid=cid;serverId={home};categoryId={cat};roleId={there}",
        403,
        "",
    ),
    (
        "qchat/deleteChannelCategoryIdentify",
        "accid=ann;serverId={home};categoryId={cat};roleId={there}",
        200,
        "",
    ),
    (
        "qchat/createUserIdentify",
        "accid=ann;serverId={home};channelId={talk};faccid=cid",
        200,
        "/identify/accid cid",
    ),
    ("qchat/createUserIdentify", "accid=ann;serverId={home};channelId={talk};faccid=eve", 404, ""),
    (
        "qchat/updateUserIdentify",
        r#"accid=ann;serverId={home};channelId={talk};faccid=cid;auths={"18":-1}"#,
        200,
        "/identify/auths auths",
    ),
    (
        "qchat/updateUserIdentify",
        r#"accid=cid;serverId={home};channelId={talk};faccid=cid;auths={"18":1}"#,
        403,
        "",
    ),
    ("qchat/getUserIdentifyPages", "serverId={home};channelId={talk}", 200, "/identifies/0/accid cid"),
    ("qchat/getUserIdentifyPages", "accid=eve;serverId={home};channelId={talk}", 403, ""),
    ("qchat/deleteUserIdentify", "accid=cid;serverId={home};channelId={talk};faccid=cid", 403, ""),
    ("qchat/deleteUserIdentify", "accid=ann;serverId={home};channelId={talk};faccid=cid", 200, ""),
    ("qchat/deleteUserIdentify", "accid=ann;serverId={home};channelId={talk};faccid=cid", 404, ""),
    (
        "qchat/createChannelCategoryUserIdentify",
        "accid=ann;serverId={home};categoryId={cat};faccid=cid",
        200,
        "/identify/accid cid",
    ),
    (
        "qchat/createChannelCategoryUserIdentify",
        "accid=ann;serverId={home};categoryId={cat};faccid=cid",
        417,
        "",
    ),
    (
        "qchat/updateChannelCategoryUserIdentify",
        r#"accid=ann;serverId={home};categoryId={cat};faccid=cid;auths={"18":-1}"#,
        200,
        "/identify/categoryId cat",
    ),
    (
        "qchat/updateChannelCategoryUserIdentify",
        r#"accid=ann;serverId={home};categoryId={cat};faccid=bob;auths={"18":1}"#,
        404,
        "",
    ),
    (
        "qchat/getChannelCategoryUserIdentify",
        "serverId={home};categoryId={cat}",
        200,
        "/identifies/0/accid cid",
    ),
    ("qchat/getChannelCategoryUserIdentify", "accid=eve;serverId={home};categoryId={cat}", 403, ""),
    (
        "qchat/deleteChannelCategoryUserIdentify",
        "accid=ann;serverId={home};categoryId={cat};faccid=cid",
        200,
        "",
    ),
    (
        "qchat/deleteChannelCategoryUserIdentify",
        "accid=ann;serverId={home};categoryId={cat};faccid=cid",
        404,
        "",
    ),
    // Custom rights.
    ("qchat/createCustomAuth", "authBit=10001;name=dance", 200, "/customAuth/authBit bit"),
    ("qchat/createCustomAuth", "authBit=10001;name=dance", 417, ""),
    ("qchat/createCustomAuth", "authBit=28;name=dance", 414, ""),
    ("qchat/listAllCustomAuth", "", 200, "/customAuths/0/name name"),
    ("qchat/listCustomAuthByAuthBits", "authBits=[10001,10002]", 200, "/customAuths/0/authBit bit"),
    ("qchat/listCustomAuthByAuthBits", "authBits=10001", 414, ""),
    ("qchat/deleteCustomAuth", "authBit=10002", 404, ""),
    ("qchat/deleteCustomAuth", "authBit=10001", 200, ""),
    // And out again.
    ("qchat/updateServerMemberBan", "accid=ann;serverId={home};faccid=dan;opeType=3", 414, ""),
    ("qchat/updateServerMemberBan", "accid=bob;serverId={home};faccid=dan;opeType=1", 403, ""),
    ("qchat/updateServerMemberBan", "accid=ann;serverId={home};faccid=dan;opeType=1;custom=c", 200, ""),
    ("qchat/getServerMemberBanListPage", "serverId={home}", 200, "/members/0/accid dan"),
    ("qchat/getServerMemberBanListPage", "accid=cid;serverId={home}", 403, ""),
    ("qchat/updateServerMemberBan", "accid=ann;serverId={home};faccid=dan;opeType=2", 200, ""),
    ("qchat/kickServerMember", r#"accid=cid;serverId={home};accids=["bob"]"#, 403, ""),
    ("qchat/kickServerMember", r#"accid=ann;serverId={home};accids=["cid"]"#, 200, ""),
    ("qchat/kickServerMember", r#"accid=ann;serverId={home};accids=["cid"]"#, 404, ""),
    (
        "qchat/deleteServerIdentifyMember",
        r#"accid=eve;serverId={home};roleId={mods};faccids=["bob"]"#,
        403,
        "",
    ),
    (
        "qchat/deleteServerIdentifyMember",
        r#"accid=ann;serverId={home};roleId={mods};faccids=["bob"]"#,
        200,
        "/successAccids done",
    ),
    ("qchat/removeServerIdentify", "accid=bob;serverId={home};roleId={mods}", 403, ""),
    ("qchat/removeServerIdentify", "accid=ann;serverId={home};roleId={mods}", 200, ""),
    ("qchat/removeChannel", "accid=bob;channelId={talk}", 403, ""),
    ("qchat/removeChannel", "accid=ann;channelId={talk}", 200, ""),
    ("qchat/removeChannelCategory", "accid=bob;categoryId={cat}", 403, ""),
    ("qchat/removeChannelCategory", "accid=ann;categoryId={cat}", 200, ""),
    ("qchat/leaveServer", "accid=ann;serverId={home}", 403, ""),
    ("qchat/leaveServer", "accid=bob;serverId={home}", 200, ""),
    ("qchat/removeServer", "accid=bob;serverId={home}", 403, ""),
    ("qchat/removeServer", "accid=ann;serverId={home}", 200, ""),
    ("qchat/removeServer", "accid=ann;serverId={home}", 404, ""),
];

#[sqlx::test(migrations = "../../migrations")]
async fn every_action_is_done_and_refused(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    for accid in ["ann", "bob", "cid", "dan", "eve"] {
        app.away(accid).await?;
    }
    let backend = Backend::new(&app.core, &app.app.key, config()).await?;
    let other = app.other_app().await?;
    app.away_in(&other, "ann").await?;
    let stranger = Backend::new(&app.core, &other.key, config()).await?;
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    let (mut done, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for (path, fields, expected, kept) in STEPS {
        let filled = known
            .iter()
            .fold((*fields).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        // Ids of one app name nothing in another.
        if fields.contains("={") && !fields.contains("auths") || fields.contains("[{") {
            let answer = stranger.call(path, &filled.replace("accid=bob", "accid=ann")).await;
            let empty = answer
                .as_object()
                .is_some_and(|fields| fields.values().filter_map(Value::as_array).all(Vec::is_empty));
            assert!(code(&answer) != 200 || empty, "{path} {filled} in another app: {answer}");
        }
        let answer = backend.call(path, &filled).await;
        assert_eq!(code(&answer), *expected, "{path} {filled}: {answer}");
        if *expected == 200 {
            done.insert(*path)
        } else {
            refused.insert(*path)
        };
        assert_eq!(answer.get("desc").is_some(), *expected != 200, "{path}: {answer}");
        if let Some((pointer, name)) = kept.split_once(' ') {
            let found = answer.pointer(pointer).unwrap_or_else(|| panic!("{path}: {answer}"));
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            // What was kept before must come again.
            if ["home", "door", "talk", "cat", "mods"].contains(&name) && known.contains_key(name) {
                assert_eq!(known[name], text, "{path}: {answer}");
            }
            if ["bob", "dan", "cid"].contains(&name) {
                assert_eq!(name, text, "{path}: {answer}");
            }
            known.insert(name, text);
        }
        // Nothing happens faster than the limit of calls allows.
        app.clock.advance(100);
    }
    assert_eq!(known["failed"], r#"["eve","no one"]"#);
    assert_eq!(known["done"], r#"["bob"]"#);
    assert_eq!(known["addr"], crate::support::LINK);
    assert_eq!((known["ex"].as_str(), known["online"].as_str()), ("测", "false"));
    for Action { group, name, .. } in BUILT {
        let path = format!("{}/{name}", group.name());
        assert!(done.contains(path.as_str()), "{path} is never done");
        // It has no parameters and asks for no operator.
        assert!(refused.contains(path.as_str()) || *name == "listAllCustomAuth", "{path} is never refused");
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_new_token_ends_the_old_one(pool: PgPool) -> anyhow::Result<()> {
    use rotunda_core::login::{Client, Login, login};
    let app = TestApp::new(pool).await?;
    let backend = Backend::new(&app.core, &app.app.key, config()).await?;
    let opens = async |token: &str| {
        let client = Client::default();
        let asked = Login { app_key: &app.app.key, accid: "gil", token, auth_type: 0, client };
        login(&app.core, asked).await.map(|_| ()).map_err(|error| error.code().0)
    };
    let made = backend.call("user/create", "accid=gil").await;
    let first = made["info"]["token"].as_str().unwrap().to_owned();
    assert_eq!(opens(&first).await, Ok(()));
    let second = backend.call("user/refreshToken", "accid=gil").await;
    let second = second["info"]["token"].as_str().unwrap().to_owned();
    assert_eq!((opens(&first).await, opens(&second).await), (Err(302), Ok(())));
    assert_eq!(backend.code("user/update", "accid=gil;token=third").await, 200);
    assert_eq!((opens(&second).await, opens("third").await), (Err(302), Ok(())));
    assert_eq!(backend.code("user/update", "accid=gil").await, 200, "no token, no change");
    assert_eq!(opens("third").await, Ok(()));
    assert_eq!(backend.code("user/block", "accid=gil").await, 200);
    assert_eq!(opens("third").await, Err(422));
    Ok(())
}
