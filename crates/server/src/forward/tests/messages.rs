//! What becomes of messages: events, acks, tags, fields, counts.

use super::*;

#[tokio::test]
async fn an_ack_comes_back_after_the_events_were_accepted() {
    let server = Server::start_with(settings(), 0);
    let mut stream = server.connect().await;
    stream.write_all(&with_chunk(b'a')).await.unwrap();
    until(|| server.metrics.batches_received.get() == 1).await;
    assert_eq!(stream.try_read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(server.metrics.forward_acks.get(), 0);
    server.recorder.permits.add_permits(1);
    assert_eq!(read(&mut stream, 7).await, ack(b'a'));
    assert_eq!(server.events(), [r#"app.log {"k":"v"}"#]);
}

#[tokio::test]
async fn acks_come_in_order_for_several_messages_in_one_write() {
    let server = Server::start(settings());
    let messages = [with_chunk(b'1'), MESSAGE.to_vec(), with_chunk(b'2'), b"\xc0".to_vec(), with_chunk(b'3')];
    let replies = server.exchange(&messages.concat()).await;
    assert_eq!(replies, [ack(b'1'), ack(b'2'), ack(b'3')].concat());
    assert_eq!(server.events().len(), 4);
    assert_eq!(server.metrics.forward_acks.get(), 3);
    assert_eq!(server.metrics.forward_messages.get(), 4);
    assert_eq!(server.metrics.forward_heartbeats.get(), 1);
}

#[tokio::test]
async fn json_is_acked_in_json() {
    let server = Server::start(settings());
    let replies = server.exchange(br#"["app.log",1500000000,{"k":1},{"chunk":"x"}]"#).await;
    assert_eq!(replies, br#"{"ack":"x"}"#);
    assert_eq!(server.events(), [r#"app.log {"k":1}"#]);
}

#[tokio::test]
async fn what_is_not_accepted_is_not_acked_and_ends_the_connection() {
    let server = Server::start(settings());
    let refused = b"\x94\xa7refused\x05\x80\x81\xa5chunk\xa1r";
    let mut stream = server.connect().await;
    stream.write_all(&[&with_chunk(b'1')[..], refused, &with_chunk(b'2')].concat()).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, ack(b'1'), "what came before is acked, nothing else");
    assert_eq!(server.events().len(), 1);
}

#[tokio::test]
async fn a_tag_is_replaced_and_then_prefixed() {
    for (tag, prefix, result) in [
        (None, Some("pre"), "pre.app.log"),
        (Some("over"), None, "over"),
        (Some("over"), Some("pre"), "pre.over"),
    ] {
        let server = Server::start(ForwardSource {
            tag: tag.map(String::from),
            add_tag_prefix: prefix.map(String::from),
            ..settings()
        });
        server.exchange(&[MESSAGE, MESSAGE].concat()).await;
        assert_eq!(server.events(), vec![format!(r#"{result} {{"k":"v"}}"#); 2]);
    }
}

#[tokio::test]
async fn the_prefix_follows_a_changing_tag() {
    let server = Server::start(ForwardSource { add_tag_prefix: Some("p".into()), ..settings() });
    server.exchange(b"\x93\xa1a\x05\x80\x93\xa1b\x05\x80\x93\xa0\x05\x80").await;
    assert_eq!(server.events(), ["p.a {}", "p.b {}", "p. {}"]);
}

#[tokio::test]
async fn the_address_of_the_sender_is_put_into_every_record() {
    let server = Server::start(ForwardSource { source_address_key: Some("k".into()), ..settings() });
    // Forward mode: one event that has the key, one nil record, one event that has it not.
    let forward = b"\x93\xa1t\x93\x92\x05\x81\xa1k\xa1v\x92\x05\xc0\x92\x05\x81\xa1a\x01\x81\xa5chunk\xa1x";
    assert_eq!(server.exchange(forward).await, ack(b'x'));
    assert_eq!(server.events(), [r#"t {"k":"127.0.0.1"}"#, r#"t {"a":1,"k":"127.0.0.1"}"#]);
    assert_eq!(server.metrics.entries_invalid.get(), 1);
}

#[tokio::test]
async fn the_name_of_the_sender_is_too() {
    let server = Server::start(ForwardSource { source_hostname_key: Some("host".into()), ..settings() });
    server.exchange(&[MESSAGE, MESSAGE].concat()).await;
    // What the name is depends on the machine; without one, the address stands for it.
    let name = dns_lookup::lookup_addr(&[127, 0, 0, 1].into()).unwrap_or_else(|_| "127.0.0.1".into());
    assert_eq!(server.events(), vec![format!(r#"app.log {{"k":"v","host":"{name}"}}"#); 2]);
}

#[tokio::test]
async fn a_message_too_large_is_counted_and_costs_only_itself() {
    let server = Server::start(settings());
    let mut stream = vec![0x92, 0xa1, b't', 0xc5, 0x10, 0x00];
    stream.resize(6 + 0x1000, 0xc0);
    stream.extend(with_chunk(b'a'));
    assert_eq!(server.exchange(&stream).await, ack(b'a'));
    assert_eq!(server.metrics.forward_messages_oversize.get(), 1);
    assert_eq!(server.metrics.forward_messages.get(), 1);
}

#[tokio::test]
async fn metrics_of_fluent_bit_are_acked_and_go_nowhere() {
    let server = Server::start(settings());
    let metrics = b"\x93\xa1t\xc4\x02\xc1\xc1\x82\xa5chunk\xa1m\xadfluent_signal\x01";
    assert_eq!(server.exchange(metrics).await, ack(b'm'));
    assert_eq!(server.metrics.forward_messages_telemetry.get(), 1);
    assert_eq!(server.metrics.batches_received.get(), 0);
}

#[tokio::test]
async fn no_entries_are_acked_without_bothering_the_pipeline() {
    let server = Server::start_with(settings(), 0);
    assert_eq!(server.exchange(b"\x93\xa1t\x90\x81\xa5chunk\xa1e").await, ack(b'e'));
}
