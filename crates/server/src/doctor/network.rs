//! The ports, seen from outside as far as that is possible from here: through the advertised addresses and the public
//! name, with a call at the end. When no server runs, a stand-in takes its ports for the moment.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context;
use axum::{Router, routing::get};
use rotunda_media_io::{MediaConfig, MediaThreads, TcpConfig, TcpLimits};
use rotunda_sfu::ortc::{IceCandidate, IceProtocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket, lookup_host},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{
    Finding, State,
    call::{self, Answer, Call, Client, Offer, Open},
    certificate, stun,
};
use crate::{
    addresses::{self, Meanings},
    admin, ambient, certificate as files,
    config::{Config, TlsMode},
    healthcheck::{self, Shown},
    lifecycle::Shutdown,
    listener::{self, Services, Web},
    proxies::Proxies,
    tls::Tls,
};

/// For an answer from one of our own ports, however far the packets go round.
const PATIENCE: Duration = Duration::from_secs(2);

/// Checks are repeated, for one lost packet proves nothing.
const TRIES: u32 = 4;

/// An address of the range for documentation: nobody has it, so who counts under it has invented it.
const INVENTED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));

/// Where the doctor comes from when it looks at a proxy on this machine through loopback: the proxy has another one.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77));

/// What the stand-in says where the server would greet a link.
const STAND_IN: &str = "doctor:websocket";

/// Who has the ports.
enum Server {
    /// A running server, by its private listener.
    Running(SocketAddr),
    StandIn(StandIn),
}

/// Takes the ports while nobody else has them.
struct StandIn {
    media: rotunda_media_io::MediaHandle,
    _threads: MediaThreads,
    shutdown: Shutdown,
    /// The port of HTTPS really taken, when any would do.
    port: u16,
    https: bool,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shutdown.stop_hard();
    }
}

pub async fn look(config: &Config) -> Vec<Finding> {
    let meanings = Meanings::look(config, &Meanings::default()).await;
    let advertised = meanings.addresses();
    let mut findings = vec![address(&advertised, addresses::in_container())];
    let server = match server(config, &advertised).await {
        Ok(server) => server,
        Err(error) => {
            let fix = "Another program has the port: stop it, or choose server.port and media.udp_port.";
            findings.push(Finding::fail("server", format!("{error:#}")).fix(fix));
            for check in ["https", "client", "udp", "tcp", "call"] {
                findings.push(Finding::skipped(check, "needs the ports"));
            }
            return findings;
        }
    };
    findings.push(match &server {
        Server::Running(_) => Finding::ok("server", "it runs, and is looked at through its public ports"),
        Server::StandIn(_) => Finding::ok("server", "it does not run; its ports are tried without it"),
    });
    findings.extend(https(config, &server, &advertised).await);
    findings.extend(media(config, &server).await);
    findings
}

/// Whether anybody can reach what is advertised.
fn address(advertised: &[IpAddr], in_container: bool) -> Finding {
    let all: Vec<String> = advertised.iter().map(IpAddr::to_string).collect();
    let all = all.join(", ");
    if in_container && advertised.iter().any(|ip| addresses::is_containers(*ip)) {
        return Finding::fail(
            "address",
            format!("{all} looks like the container's own address; no client reaches it"),
        )
        .fix("Set media.advertise (in compose: ROTUNDA_ADDRESS) to the address of the machine.");
    }
    if advertised.iter().all(IpAddr::is_loopback) {
        return Finding::warn("address", format!("media is advertised at {all}: for this machine only"))
            .fix("Set server.listen and media.advertise to addresses that other machines reach.");
    }
    Finding::ok("address", format!("clients are told to send media to {all}"))
}

async fn server(config: &Config, advertised: &[IpAddr]) -> anyhow::Result<Server> {
    // A server on any free port cannot be the one of this configuration.
    for private in admin::addresses(config).into_iter().filter(|_| config.server.port != 0) {
        if healthcheck::get_plain(private, "/livez").await.is_ok_and(|(status, _)| status == 200) {
            return Ok(Server::Running(private));
        }
    }
    stand_in(config, advertised).await.map(Server::StandIn)
}

async fn stand_in(config: &Config, advertised: &[IpAddr]) -> anyhow::Result<StandIn> {
    let address = config.tcp_address();
    let tcp = TcpListener::bind(address).await.with_context(|| {
        format!("TCP {address} is taken, and not by a Rotunda whose private listener answers")
    })?;
    let port = tcp.local_addr()?.port();
    let own_tcp = match config.media_tcp_address() {
        Some(address) => {
            Some(TcpListener::bind(address).await.with_context(|| format!("TCP {address} is taken"))?)
        }
        None => None,
    };
    let udp_port = if config.media.udp_port == 0 { port } else { config.media.udp_port };
    let tcp_port = own_tcp.as_ref().map_or(Ok(port), |own| own.local_addr().map(|at| at.port()))?;
    // Events are dropped with the receiver: nobody is to be told.
    let (events, _) = tokio::sync::mpsc::channel(64);
    let media = MediaConfig {
        listen: (config.server.listen, udp_port).into(),
        workers: 1,
        room_transports: usize::MAX,
        advertise: advertised.to_vec(),
        tcp: config.media.tcp.then(|| TcpConfig { port: tcp_port, limits: TcpLimits::default() }),
        audio_active_max: 0,
    };
    let (media, threads) = rotunda_media_io::start(&media, events)?;
    let router = Router::new().route("/socket.io/1/", get(|| async { STAND_IN }));
    let web = match config.tls_mode() {
        TlsMode::Off => Some(Web::Plain(router)),
        // Asking the ACME service for a certificate now would only cost one of those it gives.
        TlsMode::Acme => None,
        _ => Tls::open(config, advertised, ambient::now_ms())
            .ok()
            .flatten()
            .map(|tls| Web::Tls(tls.server, router)),
    };
    let (tasks, shutdown, https) = (TaskTracker::new(), Shutdown::default(), web.is_some());
    let mut services =
        Services { web, media: config.media.tcp.then(|| media.clone()), ..Services::default() };
    if let Some(own) = own_tcp {
        let services = Services { media: services.media.take(), ..Services::default() };
        tokio::spawn(listener::serve(own, services, tasks.clone(), shutdown.clone()));
    }
    tokio::spawn(listener::serve(tcp, services, tasks, shutdown.clone()));
    Ok(StandIn { media, _threads: threads, shutdown, port, https })
}

/// The link's handshake under the public name, as a browser on this machine would do it, and whom the server takes the
/// browser for.
async fn https(config: &Config, server: &Server, advertised: &[IpAddr]) -> [Finding; 2] {
    match handshake(config, server, advertised).await {
        Ok((finding, shown)) => [finding, client(config, server, &shown).await],
        Err(finding) => [finding, Finding::skipped("client", "needs an answer under the public name")],
    }
}

async fn handshake(
    config: &Config,
    server: &Server,
    advertised: &[IpAddr],
) -> Result<(Finding, Shown), Finding> {
    const CHECK: &str = "https";
    let port = match server {
        Server::StandIn(StandIn { https: false, .. }) => {
            return Err(Finding::skipped(CHECK, "needs the running server: it has the certificate"));
        }
        Server::StandIn(stand_in) => stand_in.port,
        Server::Running(_) => config.server.port,
    };
    let authority = match config.authority() {
        Some(authority) => authority.to_owned(),
        None => addresses::authority(config, (config.server.listen, port).into(), advertised),
    };
    let host = files::host(&authority).to_owned();
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443);
    let fix = format!(
        "Let TCP {port} in through the firewall and forward it on the router; a router that does not loop back is no \
         fault: then try from outside."
    );
    let target = match lookup_host((host.as_str(), port)).await.map(|mut found| found.next()) {
        Ok(Some(target)) => target,
        _ => {
            return Err(Finding::fail(CHECK, format!("{host} has no address"))
                .fix("Make a DNS record for it, or correct server.public_url."));
        }
    };
    // A client that invents where it comes from, in every way there is.
    let lies =
        format!("X-Forwarded-For: {INVENTED}\r\nX-Real-IP: {INVENTED}\r\nForwarded: for={INVENTED}\r\n");
    let from = target.is_ipv4().then_some(LOOPBACK).filter(|_| target.ip().is_loopback());
    let shown = healthcheck::show(target, &host, "/socket.io/1/?t=0", &lies, from);
    let shown = match timeout(PATIENCE, shown).await {
        Err(_) => return Err(Finding::fail(CHECK, format!("{authority} does not answer")).fix(fix)),
        Ok(Err(error)) => {
            let says = format!("{authority} does not answer as it should: {error:#}");
            return Err(Finding::fail(CHECK, says).fix(fix));
        }
        Ok(Ok(shown)) if shown.status != 200 || !shown.body.ends_with(":websocket") => {
            let says = format!("{authority} answers, but not as Rotunda (status {})", shown.status);
            return Err(Finding::fail(CHECK, says)
                .fix("Something else has that name or port; a proxy must pass /socket.io/ on."));
        }
        Ok(Ok(shown)) => shown,
    };
    // Behind a proxy TLS ends there, and what is shown is the proxy's.
    let development = config.tls_mode() == TlsMode::Development;
    let judged = certificate::judge(&shown.leaf, Some(&host), ambient::now_ms() / 1_000, development);
    let finding = match judged.state {
        State::Fail => Finding { check: CHECK, ..judged },
        _ => Finding::ok(CHECK, format!("{authority} answers")),
    };
    Ok((finding, shown))
}

/// Whose address that handshake counts under: the doctor's, and neither a proxy's nor what the doctor invented.
async fn client(config: &Config, server: &Server, shown: &Shown) -> Finding {
    let Server::Running(private) = server else {
        return Finding::skipped("client", "needs the running server: it counts who logs in");
    };
    let sid = shown.body.split(':').next().unwrap_or_default();
    let asked = healthcheck::get_plain(*private, &format!("/doctor/client/{sid}")).await;
    let counted = asked.ok().filter(|(status, _)| *status == 200).and_then(|(_, body)| body.parse().ok());
    match counted {
        Some(counted) => judge_client(config, shown.from, counted),
        None => Finding::skipped("client", "the server is of another version, or another one answers"),
    }
}

fn judge_client(config: &Config, own: IpAddr, counted: IpAddr) -> Finding {
    const CHECK: &str = "client";
    let proxies = Proxies::new(config.server.trusted_proxies.clone());
    let own_network = rotunda_gateway::limits::network(own);
    if proxies.trusts(own) {
        let says =
            format!("this machine's own address {own} is one of server.trusted_proxies: try from another");
        return Finding::skipped(CHECK, says);
    }
    if counted == INVENTED {
        return Finding::fail(CHECK, "logins count under whatever address a client invents: no limit holds")
            .fix(
                "Let the proxy set X-Forwarded-For to the address it sees, and have nothing but proxies in \
             server.trusted_proxies.",
            );
    }
    if counted.is_unspecified() {
        let says = "the proxy passes on what clients say of themselves; all of them count as one address";
        return Finding::warn(CHECK, says)
            .fix("Let the proxy set X-Forwarded-For and remove Forwarded and X-Real-IP.");
    }
    if counted != own_network && (counted.is_loopback() || proxies.trusts(counted)) {
        let share = if counted.is_loopback() { "in no limit" } else { "as one address" };
        let says =
            format!("the proxy at {counted} does not say for whom it asks; all its clients count {share}");
        return Finding::warn(CHECK, says).fix(format!(
            "Let the proxy set X-Forwarded-For, and put {counted} into server.trusted_proxies."
        ));
    }
    Finding::ok(CHECK, format!("a login from here counts under {counted}"))
}

/// Knocks at each media port, then makes a call through the first that answers.
async fn media(config: &Config, server: &Server) -> Vec<Finding> {
    let opened = open(server).await;
    let (answer, ends, offer, _open) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            return vec![
                Finding::skipped("udp", "needs a call"),
                Finding::skipped("tcp", "needs a call"),
                Finding::fail("call", format!("the media threads take no call: {error:#}"))
                    .fix("Look at /readyz on the private listener, and restart Rotunda."),
            ];
        }
    };
    let [.., knocker] = &answer.ends;
    let username = format!("{}:{}", knocker.ufrag, offer.ufrag);
    let mut reached = Vec::new();
    let (mut silent_udp, mut silent_tcp) = (Vec::new(), Vec::new());
    for candidate in &answer.candidates {
        let target = SocketAddr::new(candidate.ip, candidate.port);
        let transaction = ambient::random().unwrap_or([0; 12]);
        let check = stun::check(&username, &knocker.pwd, transaction);
        match candidate.protocol {
            IceProtocol::Udp if knock_udp(target, &check, transaction).await => reached.push(target),
            IceProtocol::Udp => silent_udp.push(target),
            IceProtocol::Tcp if knock_tcp(target, &check, transaction).await => {}
            IceProtocol::Tcp => silent_tcp.push(target),
        }
    }
    let tcp = match (config.media.tcp, tcp_count(&answer.candidates), silent_tcp.len()) {
        (false, ..) => Finding::ok("tcp", "media over TCP is turned off"),
        (true, all, silent) => port("tcp", "TCP", all, silent, &silent_tcp),
    };
    let udp = port("udp", "UDP", reached.len() + silent_udp.len(), silent_udp.len(), &silent_udp);
    vec![udp, tcp, sound(ends, answer, reached.first().copied()).await]
}

fn tcp_count(candidates: &[IceCandidate]) -> usize {
    candidates.iter().filter(|candidate| candidate.protocol == IceProtocol::Tcp).count()
}

fn port(check: &'static str, protocol: &str, all: usize, silent: usize, which: &[SocketAddr]) -> Finding {
    let which: Vec<String> = which.iter().map(SocketAddr::to_string).collect();
    let which = which.join(", ");
    let ports = "Let it in through the firewall and forward it on the router; with docker, publish the same number. A \
                 router that does not loop back is no fault: then try from outside.";
    match silent {
        0 => Finding::ok(check, format!("{protocol} answers at every advertised address")),
        some if some == all => {
            Finding::fail(check, format!("{protocol} {which} does not answer: calls over it stay silent"))
                .fix(ports)
        }
        _ => {
            Finding::warn(check, format!("{protocol} {which} does not answer from here, other addresses do"))
                .fix(ports)
        }
    }
}

async fn sound(ends: [Client; 2], answer: Answer, server: Option<SocketAddr>) -> Finding {
    const CHECK: &str = "call";
    let Some(server) = server else { return Finding::skipped(CHECK, "needs an open UDP port") };
    match tokio::task::spawn_blocking(move || call::run(ends, &answer, server)).await {
        Ok(result) => judge(result),
        Err(error) => Finding::fail(CHECK, format!("the call broke: {error}")),
    }
}

fn judge(result: anyhow::Result<Call>) -> Finding {
    const CHECK: &str = "call";
    let fix =
        "Packets are lost or changed on the way: look at the firewall, the load of the machine and the log.";
    match result {
        Err(error) => {
            Finding::fail(CHECK, format!("a call with ourselves does not come about: {error:#}")).fix(fix)
        }
        Ok(Call { received: 0, .. }) => {
            Finding::fail(CHECK, "a call connects, but no sound comes through").fix(fix)
        }
        Ok(Call { connected_after, received }) => {
            let (ms, sent) = (connected_after.as_millis(), call::PACKETS);
            let says =
                format!("a call connected in {ms} ms, {received} of {sent} packets of sound came through");
            match received >= sent - 1 {
                true => Finding::ok(CHECK, says),
                false => Finding::warn(CHECK, says).fix(fix),
            }
        }
    }
}

/// Both ends of a call, the offer of the one that knocks, and what keeps the server's side open.
type Opened = (Answer, [Client; 2], Offer, Option<Open>);

async fn open(server: &Server) -> anyhow::Result<Opened> {
    let local = |toward: IpAddr| async move {
        match route(toward).await {
            Some(local) => Ok(local),
            None => Err(anyhow::anyhow!("this machine has no way to {toward}")),
        }
    };
    // Where the ends listen depends on where the server is, and that is only known from the answer; every interface of
    // this machine reaches the server's own addresses, so the first advertised one decides.
    let first = match server {
        Server::StandIn(stand_in) => stand_in.media.candidates().first().map(|candidate| candidate.ip),
        Server::Running(private) => {
            let (_, body) = healthcheck::get_plain(*private, "/doctor/address").await?;
            body.trim().parse().ok()
        }
    };
    let local = local(first.unwrap_or(Ipv4Addr::LOCALHOST.into())).await?;
    let mut ends = [Client::new(local)?, Client::new(local)?];
    let mut knocker = Client::new(local)?;
    let [publisher, receiver] = &mut ends;
    let offers = [publisher.offer(), receiver.offer(), knocker.offer()];
    let own = offers[2].clone();
    match server {
        Server::StandIn(stand_in) => {
            let random = u128::from_be_bytes(ambient::random()?);
            let (answer, open) = call::open(&stand_in.media, random, offers)?;
            Ok((answer, ends, own, Some(open)))
        }
        Server::Running(private) => {
            let body = serde_json::to_string(&offers)?;
            let (status, answer) = healthcheck::post_plain(*private, "/doctor/call", &body).await?;
            anyhow::ensure!(status == 200, "the server refuses a call for the doctor (status {status})");
            Ok((serde_json::from_str(&answer).context("the server is of another version")?, ends, own, None))
        }
    }
}

/// The address of ours from which that one is reached.
async fn route(toward: IpAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if toward.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect((toward, 9)).await.ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

async fn knock_udp(target: SocketAddr, check: &[u8], transaction: [u8; 12]) -> bool {
    let Some(local) = route(target.ip()).await else { return false };
    let Ok(socket) = UdpSocket::bind((local, 0)).await else { return false };
    let mut datagram = [0; 1_500];
    for _ in 0..TRIES {
        if socket.send_to(check, target).await.is_err() {
            return false;
        }
        let answered = async {
            loop {
                let length = socket.recv(&mut datagram).await.unwrap_or(0);
                if datagram.get(..length).is_some_and(|datagram| stun::answers(datagram, transaction)) {
                    return;
                }
            }
        };
        if timeout(PATIENCE / TRIES, answered).await.is_ok() {
            return true;
        }
    }
    false
}

/// The same in RFC 4571 framing.
async fn knock_tcp(target: SocketAddr, check: &[u8], transaction: [u8; 12]) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(target).await.ok()?;
        stream.write_u16(check.len() as u16).await.ok()?;
        stream.write_all(check).await.ok()?;
        let mut frame = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut frame).await.ok()?;
        stun::answers(&frame, transaction).then_some(())
    };
    matches!(timeout(PATIENCE, exchange).await, Ok(Some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str) -> Config {
        let mut config = Config { data: crate::scratch::directory(name), ..Config::default() };
        config.server.port = 0;
        config
    }

    fn state(findings: &[Finding], check: &str) -> State {
        findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("no {check}")).state
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_a_server_a_stand_in_answers_and_a_call_goes_through_it() {
        let found = look(&config("doctor-stand-in")).await;
        for check in ["server", "https", "udp", "tcp", "call"] {
            assert_eq!(state(&found, check), State::Ok, "{check}: {found:#?}");
        }
        assert_eq!(state(&found, "address"), State::Warn, "loopback is for this machine only");
    }

    #[tokio::test]
    async fn ports_that_lead_nowhere_fail() {
        let mut config = config("doctor-nowhere");
        // Of the range for documentation: nothing answers there.
        config.media.advertise = vec!["127.9.9.9".into()];
        config.server.listen = "127.0.0.1".parse().unwrap();
        let found = look(&config).await;
        assert_eq!(state(&found, "udp"), State::Fail, "{found:#?}");
        assert_eq!(state(&found, "tcp"), State::Fail, "{found:#?}");
        assert_eq!(state(&found, "call"), State::Skipped, "{found:#?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_fails() {
        let mut config = config("doctor-elsewhere");
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = elsewhere.local_addr().unwrap().port();
        config.server.public_url = format!("https://127.0.0.1:{port}");
        let found = look(&config).await;
        assert_eq!(state(&found, "https"), State::Fail, "{found:#?}");
        config.server.public_url = "https://no-such-name.invalid".into();
        assert_eq!(state(&look(&config).await, "https"), State::Fail);
    }

    #[tokio::test]
    async fn a_port_of_another_program_fails_and_skips_the_rest() {
        let mut config = config("doctor-taken");
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        config.server.port = other.local_addr().unwrap().port();
        let found = look(&config).await;
        assert_eq!(state(&found, "server"), State::Fail, "{found:#?}");
        assert_eq!(state(&found, "call"), State::Skipped);
    }

    #[test]
    fn a_containers_own_address_fails() {
        let ip = |text: &str| vec![text.parse().unwrap()];
        assert_eq!(address(&ip("172.17.0.2"), true).state, State::Fail);
        assert_eq!(address(&ip("172.17.0.2"), false).state, State::Ok);
        assert_eq!(address(&ip("203.0.113.9"), true).state, State::Ok);
        assert_eq!(address(&ip("127.0.0.1"), false).state, State::Warn);
    }

    #[test]
    fn a_client_counts_under_its_own_address() {
        let mut config = Config::default();
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let judged = |own: &str, counted: &str| {
            judge_client(&config, own.parse().unwrap(), counted.parse().unwrap()).state
        };
        assert_eq!(judged("198.51.100.4", "198.51.100.4"), State::Ok);
        assert_eq!(judged("2001:db8::7", "2001:db8::"), State::Ok);
        assert_eq!(judged("198.51.100.4", "203.0.113.9"), State::Ok, "a router in between");
        assert_eq!(judged("198.51.100.4", "127.0.0.1"), State::Warn, "the proxy's");
        assert_eq!(judged("198.51.100.4", "0.0.0.0"), State::Warn, "nobody knows");
        assert_eq!(judged("198.51.100.4", "192.0.2.77"), State::Fail, "invented");
        assert_eq!(judged("127.0.0.1", "192.0.2.77"), State::Skipped, "a proxy may say anything");
    }

    #[test]
    fn a_call_is_judged_by_its_sound() {
        let call = |received| Ok(Call { connected_after: Duration::from_millis(80), received });
        assert_eq!(judge(call(call::PACKETS)).state, State::Ok);
        assert_eq!(judge(call(30)).state, State::Warn);
        assert_eq!(judge(call(0)).state, State::Fail);
        assert_eq!(judge(Err(anyhow::anyhow!("no"))).state, State::Fail);
    }

    #[test]
    fn one_silent_address_among_several_is_a_warning() {
        let which = ["192.0.2.1:1".parse().unwrap()];
        assert_eq!(port("udp", "UDP", 2, 1, &which).state, State::Warn);
        assert_eq!(port("udp", "UDP", 1, 1, &which).state, State::Fail);
        assert_eq!(port("udp", "UDP", 1, 0, &[]).state, State::Ok);
    }
}
