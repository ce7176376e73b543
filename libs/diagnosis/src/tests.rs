//! Sentences and what must be read in them.

use super::*;
use proptest::prelude::*;

/// `code`, `-code` for a denied one; `!mild` and `!severe`; `@minutes`.
fn read(text: &str) -> Vec<String> {
    let findings = analyse(text).findings.into_iter().map(|finding| {
        let sign = if finding.present { "" } else { "-" };
        let degree = match finding.severity {
            Severity::Mild => "!mild",
            Severity::Moderate => "",
            Severity::Severe => "!severe",
        };
        let time = finding
            .duration_minutes
            .map(|minutes| format!("@{minutes}"))
            .unwrap_or_default();
        format!("{sign}{}{degree}{time}", finding.code)
    });
    findings.collect()
}

fn flags(text: &str) -> Vec<String> {
    analyse(text).red_flags
}

#[test]
fn golden_sentences() {
    let cases: &[(&str, &[&str])] = &[
        ("头痛", &["headache"]),
        ("头疼三天", &["headache@4320"]),
        ("我没有发烧，但是咳嗽", &["-fever", "cough"]),
        ("没有头痛", &["-headache"]),
        (
            "否认胸痛、心悸、水肿",
            &["-chest_pain", "-palpitation", "-edema"],
        ),
        ("未见浮肿", &["-edema"]),
        ("并非没有头痛", &["headache"]),
        ("口不渴，口苦", &["thirst_noDrink", "bitter_mouth"]),
        ("头不痛，咳嗽", &["-headache", "cough"]),
        ("不但头痛，而且恶心", &["headache", "nausea"]),
        ("不停咳嗽", &["cough"]),
        ("有点头晕", &["dizzy!mild"]),
        ("轻微咳嗽，严重失眠", &["cough!mild", "insomnia!severe"]),
        ("头痛得厉害", &["headache!severe"]),
        ("头痛剧烈", &["headache!severe"]),
        ("头痛严重失眠", &["headache", "insomnia!severe"]),
        ("明显乏力", &["fatigue"]),
        ("头痛不严重", &["headache!mild"]),
        ("咳嗽半个月，痰黄稠", &["cough@21600", "phlegm_yellow"]),
        ("失眠，已经两年了", &["insomnia@1051200"]),
        ("三天前开始，头痛，发热", &["headache@4320", "fever@4320"]),
        ("头痛三天，发热两天", &["headache@4320", "fever@2880"]),
        ("头痛十分钟", &["headache@10"]),
        ("一天三次咳嗽", &["cough"]),
        ("少气懒言", &["reluct_speak"]),
        ("夜尿频，小便清长", &["nocturia", "clear_long_urine"]),
        ("尿频尿急尿痛", &["urine_painful"]),
        ("神疲", &["fatigue", "spirit_low"]),
        (
            "最近睡不好，没胃口，拉肚子，累",
            &["insomnia", "poor_appetite", "loose_stool", "fatigue"],
        ),
        ("怕冷，手脚冰凉", &["fear_cold", "cold_limbs"]),
        ("四肢无力", &["fatigue"]),
        (
            "頭痛發熱，睡不著，沒有胃口",
            &["headache", "fever", "insomnia", "poor_appetite"],
        ),
        (
            "兩脅脹滿，噯氣，口乾",
            &["hypochond_distend", "belching", "dry_mouth_throat"],
        ),
        (
            "腰膝酸软、畏寒肢冷，夜尿多",
            &["soreback", "fear_cold", "cold_limbs", "nocturia"],
        ),
        ("头痛😀😀", &["headache"]),
        ("劳累", &[]),
        ("不麻烦", &[]),
        ("手心脚心发热，睡着出汗", &["five_heat", "night_sweat"]),
        (
            "睡不好，多梦，已经两个多月了",
            &["insomnia@86400", "dreamful@86400"],
        ),
        (
            "反复胃胀痛5年，加重半个月，嗳气",
            &["epig_distend_pain@2628000", "belching"],
        ),
        ("无恶心呕吐、腹痛腹泻", &["-nausea", "-loose_stool"]),
        ("没有明显的头痛", &["-headache"]),
        ("咳嗽、流鼻涕，不发烧", &["cough", "runny_clear", "-fever"]),
    ];
    for (text, expected) in cases {
        assert_eq!(&read(text), expected, "{text}");
    }
}

#[test]
fn poor_texts_give_no_findings() {
    for text in [
        "",
        "   ",
        "。。。",
        "I have a headache and a fever",
        "😀😀😀😀",
        "12345",
        "\u{0}",
    ] {
        let result = analyse(text);
        assert!(result.findings.is_empty(), "{text}");
        assert!(
            result
                .quality
                .issues
                .contains(&"insufficient_quality".to_owned()),
            "{text}"
        );
        assert_eq!(result.quality.score, 0.0, "{text}");
    }
}

#[test]
fn names_evidence_and_confidence() {
    let finding = |text| analyse(text).findings.remove(0);
    let cases = [("失眠", 0.95), ("睡不着", 0.9), ("睡不好", 0.75)];
    for (text, confidence) in cases {
        assert_eq!(finding(text).confidence, confidence, "{text}");
        assert_eq!(
            (finding(text).code.as_str(), finding(text).name.as_str()),
            ("insomnia", "失眠")
        );
    }
    assert_eq!(finding("我睡不著").evidence, "睡不著");
}

#[test]
fn a_text_that_contradicts_itself_says_so() {
    let result = analyse("没有头痛。昨天头痛");
    assert_eq!(result.findings.len(), 1);
    assert!(result.findings[0].present);
    assert_eq!(result.findings[0].confidence, 0.76);
    assert_eq!(result.quality.issues, ["contradictory"]);
}

#[test]
fn long_texts_are_cut() {
    let long = format!("{}失眠", "头痛，".repeat(TEXT_CHARS_MAX / 3 + 1));
    let result = analyse(&long);
    assert!(result.quality.issues.contains(&"truncated".to_owned()));
    assert_eq!(result.findings.len(), 1);
}

#[test]
fn the_longest_text_full_of_terms_is_read() {
    let piece = "胸痛、头痛发热三天没有呕吐，突然剧烈肚子疼严重血压180。";
    let text = piece.repeat(TEXT_CHARS_MAX / piece.chars().count());
    assert!(analyse(&text).red_flags.contains(&"rf_bp".to_owned()));
    let one_clause = "头痛三天发热".repeat(TEXT_CHARS_MAX / 6);
    assert_eq!(analyse(&one_clause).findings.len(), 2);
}

#[test]
fn red_flags_are_seen() {
    let cases = [
        ("胸痛20分钟", "rf_acs"),
        ("胸闷，出了一身冷汗", "rf_acs"),
        ("胸口疼，左臂也疼", "rf_acs"),
        ("早上起来嘴歪了，说话不清", "rf_stroke"),
        ("突然剧烈头痛", "rf_stroke"),
        ("血压185/110，头痛", "rf_bp"),
        ("喘得说不出整句话，嘴唇发紫", "rf_resp"),
        ("血氧88", "rf_resp"),
        ("体温39.5度，打寒战", "rf_sepsis"),
        ("发烧，脖子硬，怕光", "rf_meningitis"),
        ("今天吐血了", "rf_bleed"),
        ("解黑便两天", "rf_bleed"),
        ("突然肚子剧烈疼，肚子疼得厉害", "rf_abdomen"),
        ("肚子疼，不排气，一直呕吐", "rf_abdomen"),
        ("血糖2.6", "rf_gluc"),
        ("吃了海鲜以后脸肿，喘不上气", "rf_allergy"),
        ("刚才晕倒了", "rf_conscious"),
        ("孩子抽搐", "rf_conscious"),
        ("心率160", "rf_heart"),
        ("怀孕7个月，头痛得厉害，看不清东西", "rf_preg"),
        ("孩子2个月大，发烧", "rf_child"),
        ("不想活了", "rf_suicide"),
        ("我想自殺", "rf_suicide"),
        ("不明原因消瘦", "rf_cancer"),
        ("吞咽困难", "rf_cancer"),
        ("声音嘶哑一个月", "rf_cancer"),
        ("左腿肿，很痛", "rf_dvt"),
        ("一只眼突然看不见", "rf_eye"),
        ("喝了附子汤，口舌发麻，心慌", "rf_poison"),
        ("尿痛，发热，腰痛", "rf_uti"),
    ];
    for (text, flag) in cases {
        assert!(
            flags(text).contains(&flag.to_owned()),
            "{text}: {:?}",
            flags(text)
        );
    }
}

#[test]
fn red_flags_need_their_terms() {
    let texts = [
        "头痛",
        "胸闷五分钟",
        "没有胸痛，出汗多",
        "否认自杀想法",
        "没有吐血",
        "血压120/80，头痛",
        "发烧3天",
        "尿痛，腰痛",
        "咳嗽，有痰",
        "声音嘶哑一周",
        "胸闷气短，休息后缓解",
        "无恶心呕吐、腹痛、晕厥",
        "心率72",
        "血糖5.6",
        "怀孕三个月，没有出血",
        "血氧98",
    ];
    for text in texts {
        assert_eq!(flags(text), [] as [&str; 0], "{text}");
    }
}

#[test]
fn red_flags_need_no_quality() {
    let result = analyse("help help help help help help 自杀");
    assert!(!result.quality.is_sufficient());
    assert_eq!(result.red_flags, ["rf_suicide"]);
}

#[test]
fn the_model_names_engine_and_knowledge() {
    assert!(
        analyse("")
            .model
            .ends_with(&format!("+kb-{}", knowledge_version()))
    );
}

fn chinese() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "头痛",
        "没有",
        "不",
        "发热",
        "三天",
        "半个月",
        "严重",
        "有点",
        "，",
        "。",
        "、",
        "口不渴",
        "乏力",
        "胸闷",
        "a",
        "1",
        " ",
        "十",
        "分钟",
        "無",
        "頭",
        "😀",
        "无",
        "突然",
        "血压",
        "180",
        "自杀",
    ];
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,300}") {
        check(&text)?;
    }

    #[test]
    fn any_sentence_is_read(text in chinese()) {
        check(&text)?;
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let result = analyse(text);
    let names = &Knowledge::get().names;
    prop_assert_eq!(&analyse(text), &result);
    prop_assert_eq!(&analyse(&format!("{text}。")), &result);
    prop_assert!((0.0..=1.0).contains(&result.quality.score));
    for finding in &result.findings {
        prop_assert_eq!(names.get(&finding.code), Some(&finding.name));
        prop_assert!(text.contains(&finding.evidence) && !finding.evidence.is_empty());
        prop_assert!((0.0..=1.0).contains(&finding.confidence));
    }
    let mut codes: Vec<_> = result
        .findings
        .iter()
        .map(|finding| &finding.code)
        .collect();
    codes.sort();
    codes.dedup();
    prop_assert_eq!(codes.len(), result.findings.len());
    Ok(())
}
