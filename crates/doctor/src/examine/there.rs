//! The checks of a server from outside.

use visavis_client::{Mode, Server};

use super::relays;
use crate::check::Check;
use crate::finding::Finding;
use crate::judge;
use crate::look::outside::{self, Greeting};

pub(super) fn all(server: &Server) -> Vec<Check> {
    let (http, websocket, udp) = (server.clone(), server.clone(), server.clone());
    vec![
        Check::new("from-http", 40, async move { greeting(&http).await }),
        Check::new("from-websocket", 40, async move {
            vec![judge::outside::websocket(&outside::call(&websocket, Mode::WebSocket).await)]
        }),
        Check::new("from-udp", 40, async move {
            let told = outside::ice_servers(&udp).await.unwrap_or_default();
            vec![if judge::relays::are_the_only_way(&told) {
                judge::outside::relayed_only()
            } else {
                judge::outside::udp(&outside::call(&udp, Mode::WebRtc).await)
            }]
        }),
        relays::of_server(server),
    ]
}

async fn greeting(server: &Server) -> Vec<Finding> {
    let address = server.address();
    match outside::greet(server).await {
        Err(why) => vec![
            judge::outside::unreached(address, &why),
            Finding::skipped("clock", format!("{address} does not answer")),
        ],
        Ok(Greeting { serving, ahead_ms }) => {
            let http = match &serving {
                Some(serving) => judge::serving::judge("from-http", serving, env!("CARGO_PKG_VERSION")),
                None => judge::outside::foreign(address),
            };
            vec![http, judge::clock::judge(address, ahead_ms)]
        }
    }
}
