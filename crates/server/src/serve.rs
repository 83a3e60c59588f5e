//! `rotunda serve`: builds everything in order, serves, and takes it down in reverse.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use arc_swap::ArcSwap;
use rotunda_admin::{
    Vendor, VendorConfig,
    callback::AppCallbacks,
    v1::{self, V1},
    vendor,
    webhook::Sender,
};
use rotunda_core::{media::record, notify};
use rotunda_gateway::{
    CorsOrigins, DoorLimits, Gateway, GatewayConfig,
    room::{Registry, Times},
};
use rotunda_media_io::{MediaConfig, TcpConfig, TcpLimits};
use rotunda_outbound::{Outbound, OutboundConfig};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::task::TaskTracker;

use crate::{
    addresses::{self, Advertiser, Meanings},
    admin, ambient, assets,
    cli::Serve,
    commands,
    config::{Config, LogFormat, Source},
    demo, doctor,
    lifecycle::{self, Shutdown},
    limits::SharedLimits,
    listener::{self, Services, Web},
    metrics::Exporter,
    private_file,
    proxies::Proxies,
    ready::{self, Addresses, Ready, ReadyFile},
    reload::{self, Live},
    seed,
    tls::{self, Tls},
    vitals::Vitals,
};

/// Name of the demo's credentials under `data`.
const DEMO_FILE: &str = "demo.json";

/// Events of the media worker waiting for the rooms. The worker keeps what does not fit, so more only hides a stall.
const EVENT_QUEUE: usize = 1024;

/// What closing links get to say goodbye. Shorter leaves clients waiting for their heartbeat to fail, longer delays
/// every restart.
const FAREWELL: Duration = Duration::from_millis(300);

/// Where clients are told to send media: every address with the port of every worker.
fn media_addresses(advertised: &[IpAddr], first: u16, workers: usize) -> Vec<SocketAddr> {
    let ports = (first..=u16::MAX).take(workers);
    ports.flat_map(|port| advertised.iter().map(move |ip| SocketAddr::new(*ip, port))).collect()
}

/// Runs until a signal ends it. What fails before everything serves is an error.
pub async fn run(source: Source, config: Config, options: &Serve) -> anyhow::Result<()> {
    let shared = Arc::new(ArcSwap::from_pointee(config.clone()));
    let config = &config;
    let (shutdown, tasks) = (Shutdown::default(), TaskTracker::new());
    lifecycle::on_signals(shutdown.clone(), Duration::from_secs(config.server.shutdown_grace_secs))?;
    // From now on a hangup no longer ends the process, also while it starts.
    let hangups = reload::hangups()?;
    // Before anything that counts: what was made before it would count into nothing.
    let exporter = Exporter::install()?;
    doctor::host::prepare();
    private_file::directory(&config.data)?;
    if let Some(path) = &options.ready_file {
        ReadyFile::clear(path);
    }

    let meanings = Meanings::look(config, &Meanings::default()).await;
    let advertised = meanings.addresses();
    addresses::tell(&advertised, addresses::in_container());
    let tls = Tls::open(config, &advertised, ambient::now_ms())?;
    // Bound before anything slow, so that a taken port is told at once.
    let address = config.tcp_address();
    let tcp = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = tcp.local_addr()?;
    let private = admin::bind(config, bound).await?;
    let private_address = private.local_addr()?;
    admin::note(config, private_address)?;
    let own_tcp = match config.media_tcp_address() {
        Some(address) => {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address} for ICE-TCP"))?;
            Some(listener)
        }
        None => None,
    };
    let udp_port = if config.media.udp_port == 0 { bound.port() } else { config.media.udp_port };

    let core = tokio::select! {
        core = commands::open_core(config) => core?,
        () = shutdown.draining() => return Ok(()),
    };
    match Outbound::new(OutboundConfig { allow_private: config.webhooks.allow_private }) {
        Ok(outbound) => {
            core.set_callbacks(Arc::new(AppCallbacks::new(outbound.clone())));
            let sender = Sender::new(core.clone(), outbound, config.compat.rest_ids_as_text);
            let stopping = shutdown.clone();
            tasks.spawn(sender.run(async move { stopping.soft().await }));
        }
        // An app that asks its own server at logins gets what it chose for no answer.
        Err(error) => {
            tracing::warn!(%error, "no login callbacks and no webhooks: are there trusted certificates on this machine?")
        }
    }
    let authority = addresses::authority(config, bound, &advertised);
    let origin = addresses::public_origin(config, bound, &advertised);
    let (events, reported) = mpsc::channel(EVENT_QUEUE);
    let tcp_port = own_tcp.as_ref().map_or(Ok(bound), TcpListener::local_addr)?.port();
    let media = MediaConfig {
        listen: (config.server.listen, udp_port).into(),
        workers: config.media.workers,
        room_transports: config.media.room_transports(),
        advertise: advertised.clone(),
        tcp: config.media.tcp.then(|| TcpConfig { port: tcp_port, limits: TcpLimits::default() }),
        audio_active_max: config.media.audio_active_max,
    };
    let (media, media_thread) = rotunda_media_io::start(&media, events)?;

    let registry = Registry::new(core.clone(), media.clone(), Times::default());
    // Ends with the media thread, which holds the other end.
    let media_events = tokio::spawn(registry.clone().run_media_events(reported));
    let abandoned = record::end_abandoned(&core).await?;
    if abandoned > 0 {
        tracing::info!(abandoned, "ended the records of media sessions that an earlier process left open");
    }
    let (stop_records, stopped) = oneshot::channel::<()>();
    let records = tokio::spawn(registry.clone().run_records(async move { drop(stopped.await) }));
    let cors = CorsOrigins::new(config.cors_origins()?);
    let gateway = Gateway::new(
        core.clone(),
        registry,
        GatewayConfig {
            public_origin: origin.clone(),
            cors_origins: cors.clone(),
            doors: DoorLimits::default(),
            limits: config.limits.rates(),
        },
    );
    let actions = Vendor::guarded(
        core.clone(),
        VendorConfig {
            link: authority.clone(),
            ids_as_text: config.compat.rest_ids_as_text,
            rate: config.limits.rest(),
        },
        Arc::new(SharedLimits(gateway.limits.clone())),
    );
    let mut router = rotunda_gateway::router(gateway.clone())
        .merge(vendor::routes(actions.clone()))
        .merge(assets::roomkit());
    let demo = if config.demo {
        let demo = seed::demo(&core, &config.data.join(DEMO_FILE)).await.context("cannot make the demo")?;
        router = router.merge(demo::routes(demo.clone(), origin)).merge(assets::try_page());
        Some(demo)
    } else {
        None
    };
    let stopping = shutdown.clone();
    tasks.spawn(notify::run_dispatcher(core.clone(), async move { stopping.soft().await }));

    let advertiser = Arc::new(Advertiser::new(shared.clone(), media.clone(), meanings));
    tokio::spawn(advertiser.clone().keep(addresses::LOOK_EVERY));
    let proxies = Proxies::new(config.server.trusted_proxies.clone());
    if let Some(tls) = &tls {
        tokio::spawn(tls.clone().watch(shared.clone(), tls::LOOK_EVERY));
    }
    let development = tls.as_ref().and_then(|tls| tls.development.clone());
    let web = match &tls {
        Some(tls) => Web::Tls(tls.server.clone(), router),
        None => Web::Behind(router),
    };
    let vitals = Vitals {
        core: gateway.core.clone(),
        gateway: gateway.clone(),
        media: media.clone(),
        shutdown: shutdown.clone(),
        advertised: advertiser.current(),
        exporter: exporter.clone(),
        connections_max: config.database.connections_max,
    };
    tokio::spawn(exporter.keep());
    let operator = Services {
        web: Some(Web::Plain(admin::router(vitals, v1::v1(V1 { core: core.clone() })))),
        ..Services::default()
    };
    tasks.spawn(listener::serve(private, operator, tasks.clone(), shutdown.clone()));

    let mut services =
        Services { web: Some(web), media: config.media.tcp.then(|| media.clone()), proxies: proxies.clone() };
    if let Some(listener) = own_tcp {
        let services = Services { media: services.media.take(), ..Services::default() };
        tasks.spawn(listener::serve(listener, services, tasks.clone(), shutdown.clone()));
    }
    tasks.spawn(listener::serve(tcp, services, tasks.clone(), shutdown.clone()));
    let live = Live {
        source,
        config: shared.clone(),
        cors,
        proxies,
        tls,
        advertiser,
        gateway: gateway.clone(),
        actions,
        media,
    };
    tokio::spawn(live.on_signals(hangups));
    let addresses = Addresses::new(&authority);
    let ready = Ready {
        addresses: &addresses,
        demo: demo.as_ref(),
        udp_port,
        media: media_addresses(&advertised, udp_port, config.media.workers),
        admin: format!("http://{private_address}"),
        pid: options.ready_pid.unwrap_or_else(std::process::id),
        data: absolute(&config.data),
        certificate: development.as_deref().map(absolute),
    };
    let ready_file = options.ready_file.as_deref().map(|path| ReadyFile::write(path, &ready)).transpose()?;
    if config.log.format == LogFormat::Human {
        println!("{}", ready::banner(&ready));
    }
    let private_port = private_address.port();
    tracing::info!(port = bound.port(), udp_port, private_port, demo = config.demo, "serving");

    let registry = gateway.rooms.clone();
    let counted = registry.clone();
    tokio::spawn(lifecycle::drain(
        shutdown.clone(),
        move || shared.load().drain(),
        move || counted.census().seats,
    ));
    shutdown.draining().await;
    registry.drain();
    shutdown.soft().await;
    drop(ready_file);
    gateway.shut_down();
    tokio::select! {
        () = tokio::time::sleep(FAREWELL) => {}
        () = shutdown.hard() => {}
    }
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = shutdown.hard() => tracing::warn!(open = tasks.len(), "closing what did not finish in time"),
    }
    media_thread.stop();
    // The records take the last counters from the last events.
    let _ = tokio::time::timeout(FAREWELL, media_events).await;
    drop(stop_records);
    let _ = records.await;
    // The last links ended after the dispatcher did.
    if let Err(error) = notify::write_events(&core).await {
        tracing::warn!(code = %error.code(), "the last logouts are not in the log of events");
    }
    tracing::info!("stopped");
    Ok(())
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
