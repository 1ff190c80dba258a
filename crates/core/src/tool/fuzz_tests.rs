//! Schemas and arguments of arbitrary bytes.

use super::*;

/// Longest fault in bytes: it quotes values of the client.
const FAULT: usize = 64 << 10;

#[test]
fn tools_and_arguments_of_arbitrary_bytes_are_refused_or_follow_the_rules() {
    visavis_fuzz::run("tool_schema", |input| {
        let (list, written) = visavis_fuzz::parts(input);
        let Ok(list) = serde_json::from_slice::<Value>(list) else { return };
        let tools = match of_client(&list, 9_000) {
            Ok(tools) => tools,
            Err(fault) => return assert!(fault.len() <= FAULT, "{} bytes", fault.len()),
        };
        assert!(tools.len() <= MOST_TOOLS && duplicates(tools.iter().map(|tool| &*tool.name)).is_empty());
        let json = serde_json::to_string(&tools).unwrap();
        assert_eq!(serde_json::from_str::<Tools>(&json).unwrap(), tools);
        for tool in tools {
            assert!(tool.faults().is_empty(), "{:?}", tool.faults());
            match tool.arguments(&visavis_fuzz::text(written)) {
                Ok(arguments) => {
                    assert!(arguments.is_object());
                    assert_eq!(tool.arguments(&arguments.to_string()), Ok(arguments));
                }
                Err(fault) => assert!(fault.len() <= FAULT, "{} bytes", fault.len()),
            }
        }
    });
}
