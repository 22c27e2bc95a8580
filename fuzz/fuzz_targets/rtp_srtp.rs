//! SRTP: noise is refused and leaves no trace, what is protected is unprotected again, and keys in SDP and MIKEY are stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::srtp::{Config, Context, MasterKey, Profile, mikey::Message, sdes::Crypto};

fn context(profile: Profile) -> Context {
    let key = MasterKey::new(profile, &vec![3; profile.key_len()], &vec![5; profile.salt_len()]).expect("right lengths").with_mki(&[1, 2]);
    Context::new(profile, &[key], Config::default()).expect("a context")
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let profile = Profile::ALL[usize::from(*first) % Profile::ALL.len()];
    let (mut sender, mut receiver) = (context(profile), context(profile));
    for unprotect in [Context::unprotect, Context::unprotect_rtcp] {
        let mut packet = rest.to_vec();
        assert!(unprotect(&mut receiver, &mut packet).is_err());
        assert_eq!(packet, rest, "left alone");
    }
    let mut packet = rest.to_vec();
    if sender.protect(&mut packet).is_ok() {
        assert_eq!(packet.len(), rest.len() + profile.rtp_tag_len() + 2);
        receiver.unprotect(&mut packet).expect("what was protected");
        assert_eq!(packet, rest);
    }
    assert_eq!(packet, rest);
    if sender.protect_rtcp(&mut packet).is_ok() {
        receiver.unprotect_rtcp(&mut packet).expect("what was protected");
    }
    assert_eq!(packet, rest);
    if let Ok(message) = Message::parse(rest) {
        let mut again = Vec::new();
        message.encode(&mut again).expect("what was read fits");
        assert_eq!(Message::parse(&again).as_ref(), Ok(&message));
        let _ = message.context();
    }
    if let Ok(text) = std::str::from_utf8(rest)
        && let Ok(crypto) = text.parse::<Crypto>()
    {
        assert_eq!(crypto.to_string().parse(), Ok(crypto.clone()));
        if let (Ok(profile), Ok(keys), Ok(config)) = (crypto.profile(), crypto.master_keys(), crypto.config()) {
            let _ = Context::new(profile, &keys, config);
        }
    }
});
