//! What a joined member asks: media, mute, heartbeat.

use rotunda_model::Code;
use rotunda_room::{MediaType, ProducerId, SeatId};
use rotunda_sfu::{
    ConsumerId, TransportId,
    ortc::{DtlsParameters, MediaKind, RtpCapabilities, RtpParameters},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracing::{Instrument, Span, field};

use super::{
    envelope::{integer, text},
    info::unavailable,
    session::Session,
};
use crate::room::{Consume, DeskError, Over, Owner, Produce};

/// Longest `mid`, bytes: what a one-byte header extension carries.
const MID_MAX: usize = 16;

type Data = Map<String, Value>;

/// A request, read and not yet asked.
enum Asked {
    Heartbeat,
    Produce(Box<Produce>),
    Consume(Box<Consume>),
    PreferLayer { consumer: ConsumerId, layer: u8 },
    Mute { producer: ProducerId, mute: bool },
    UserRole { role: i64 },
    CloseProducer(ProducerId),
    CloseConsumer(ConsumerId),
    CloseTransport(TransportId),
    PermKey,
}

impl Session {
    /// The answer's `data`; a refusal is a `code` in it.
    pub(super) async fn request(&mut self, method: &str, data: Data) -> Value {
        let request = data.get("requestId").cloned();
        let span = match method {
            // Nothing is done for it, and there are many.
            "Heartbeat" => Span::none(),
            _ => tracing::debug_span!("signal", command = label(method), code = field::Empty),
        };
        let result = self.ask(method, data).instrument(span.clone()).await;
        span.record("code", i64::from(result.as_ref().map_or_else(|code| code.0, |_| 200)));
        drop(span);
        let (code, mut answer) = match result {
            Ok(answer) => (200, answer),
            Err(code) => (code.0, json!({ "code": code.0, "errMsg": super::join::text(code) })),
        };
        count(method, code);
        if let (Some(request), Some(answer)) = (request, answer.as_object_mut()) {
            answer.insert("requestId".to_owned(), request);
        }
        answer
    }

    async fn ask(&mut self, method: &str, data: Data) -> Result<Value, Code> {
        let asked = read(method, data)?;
        if matches!(asked, Asked::Heartbeat) {
            return Ok(json!({ "code": 200 }));
        }
        let member = self.member.as_ref().ok_or(Code(400))?;
        let (seat, socket) = (member.seat, self.handle.id);
        let answered = member.room.call(move |owner| {
            // Only the seat's live socket speaks for it.
            if owner.room.socket_of(seat) != Some(socket) {
                return Err(Code::FORBIDDEN);
            }
            asked.of(owner, seat).map_err(|refused| {
                tracing::debug!(%refused, "signalling request refused");
                refused.code()
            })
        });
        answered.await.map_err(unavailable)?
    }
}

impl Asked {
    fn of(self, owner: &mut Owner, seat: SeatId) -> Result<Value, DeskError> {
        let done = json!({ "code": 200 });
        match self {
            Self::Heartbeat => {}
            Self::Produce(produce) => return owner.produce(seat, *produce),
            Self::Consume(consume) => return owner.consume(seat, *consume),
            Self::PreferLayer { consumer, layer } => owner.prefer_layer(seat, consumer, layer)?,
            Self::Mute { producer, mute } => owner.room.mute_producer(owner.now(), seat, producer, mute)?,
            Self::UserRole { role } => owner.room.user_role(seat, role)?,
            Self::CloseProducer(producer) => owner.room.close_producer(owner.now(), seat, producer)?,
            Self::CloseConsumer(consumer) => owner.close_consumer(seat, consumer)?,
            Self::CloseTransport(transport) => owner.close_transport(seat, transport)?,
            // Permission keys are not used here; the client only wants to know that it may go on.
            Self::PermKey => return Ok(json!({ "code": 200, "PermKey": {} })),
        }
        Ok(done)
    }
}

fn count(method: &str, code: u16) {
    metrics::counter!("rotunda_signal_requests_total", "method" => label(method), "code" => code.to_string())
        .increment(1);
}

/// A label is never the client's word.
fn label(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = [
        "Heartbeat",
        "Produce",
        "Consume",
        "SetConsumerPreferredLayer",
        "SendUserData",
        "CloseProducer",
        "CloseConsumer",
        "CloseTransport",
        "PermKeyUpdate",
    ];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Codes: 400 unusable, 404 a method or an id that is none.
fn read(method: &str, mut data: Data) -> Result<Asked, Code> {
    match method {
        "Heartbeat" => Ok(Asked::Heartbeat),
        "Produce" => produce(data).map(|produce| Asked::Produce(Box::new(produce))),
        "Consume" => consume(data).map(|consume| Asked::Consume(Box::new(consume))),
        "SetConsumerPreferredLayer" => {
            let layer = integer(data.get("spatialLayer")).ok_or(Code(400))?;
            Ok(Asked::PreferLayer { consumer: consumer(&data)?, layer: u8::from(layer > 0) })
        }
        "SendUserData" => {
            let Some(Value::Object(user_data)) = data.remove("externData") else { return Err(Code(400)) };
            self::user_data(&user_data)
        }
        "CloseProducer" => producer(&data).map(Asked::CloseProducer),
        "CloseConsumer" => consumer(&data).map(Asked::CloseConsumer),
        "CloseTransport" => transport(&data)?.map(Asked::CloseTransport).ok_or(Code(400)),
        "PermKeyUpdate" => Ok(Asked::PermKey),
        _ => Err(Code(404)),
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read_any(method: &str, data: Data) {
    let _ = read(method, data);
}

fn user_data(data: &Data) -> Result<Asked, Code> {
    let inner = data.get("data").and_then(Value::as_object).ok_or(Code(400))?;
    match data.get("type").and_then(Value::as_str) {
        Some("Mute") => {
            let mute = flag(inner.get("mute")).ok_or(Code(400))?;
            Ok(Asked::Mute { producer: producer(inner)?, mute })
        }
        Some("UserRole") => Ok(Asked::UserRole { role: integer(inner.get("userRole")).ok_or(Code(400))? }),
        _ => Err(Code(404)),
    }
}

fn produce(mut data: Data) -> Result<Produce, Code> {
    let info =
        data.get("externData").and_then(|extern_data| extern_data.get("producerInfo")).ok_or(Code(400))?;
    let media =
        info.get("mediaType").and_then(Value::as_str).and_then(MediaType::from_name).ok_or(Code(400))?;
    let simulcast = flag(info.get("simulcastEnable")).unwrap_or(false);
    let mute = flag(info.get("mute")).unwrap_or(false);
    Ok(Produce {
        media,
        simulcast,
        mute,
        kind: typed::<MediaKind>(&mut data, "kind")?,
        parameters: typed::<RtpParameters>(&mut data, "rtpParameters")?,
        over: over(&mut data)?,
    })
}

fn consume(mut data: Data) -> Result<Consume, Code> {
    let mid = text(data.get("mid")).filter(|mid| !mid.is_empty() && mid.len() <= MID_MAX).ok_or(Code(400))?;
    Ok(Consume {
        producer: producer(&data)?,
        mid,
        pause: flag(data.get("pause")).unwrap_or(false),
        layer: u8::from(integer(data.get("preferredSpatialLayer")).unwrap_or(1) > 0),
        capabilities: typed::<RtpCapabilities>(&mut data, "rtpCapabilities")?,
        over: over(&mut data)?,
    })
}

/// The first request on a transport brings `dtlsParameters` and `iceUfrag`, later ones its `transportId`.
fn over(data: &mut Data) -> Result<Over, Code> {
    if data.get("dtlsParameters").is_some_and(|dtls| !dtls.is_null()) {
        let ufrag = text(data.get("iceUfrag")).ok_or(Code(400))?;
        return Ok(Over::New { ufrag, dtls: typed::<DtlsParameters>(data, "dtlsParameters")? });
    }
    transport(data)?.map(Over::Open).ok_or(Code(400))
}

fn typed<T: DeserializeOwned>(data: &mut Data, key: &str) -> Result<T, Code> {
    let value = data.remove(key).ok_or(Code(400))?;
    serde_json::from_value(value).map_err(|_| Code(400))
}

/// Ids on the wire are a letter and a number, as they were given out. Anything else names nothing.
fn id(data: &Data, key: &str, letter: char) -> Result<u64, Code> {
    let text = data.get(key).and_then(Value::as_str).ok_or(Code(400))?;
    text.strip_prefix(letter).and_then(|number| number.parse().ok()).ok_or(Code(404))
}

fn producer(data: &Data) -> Result<ProducerId, Code> {
    id(data, "producerId", 'p').map(ProducerId)
}

fn consumer(data: &Data) -> Result<ConsumerId, Code> {
    id(data, "consumerId", 'c').map(ConsumerId)
}

fn transport(data: &Data) -> Result<Option<TransportId>, Code> {
    match data.get("transportId") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => id(data, "transportId", 't').map(|number| Some(TransportId(number))),
    }
}

/// A boolean that may be 0 or 1.
fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_i64() != Some(0)),
        _ => None,
    }
}
