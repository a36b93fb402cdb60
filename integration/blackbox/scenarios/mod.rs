//! The one list of scenarios that every door must pass. None of them knows which proxy it runs through.

mod carrying;
mod entering;
mod forging;
mod leaving;

/// One test for each scenario, through one door.
macro_rules! through {
    ($door:ident: $($room:ident::$scenario:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $scenario() {
            super::$room::$scenario(crate::kit::Place::<crate::doors::$door>::open().await).await;
        }
    )*};
}

/// The list.
macro_rules! all_through {
    ($door:ident) => {
        through! { $door:
            entering::allow,
            entering::sign_in_and_come_back_with_the_query_intact,
            entering::refuse_a_stranger,
            entering::refuse_the_disabled,
            entering::forbid_by_group,
            entering::second_factor_is_asked_for_and_no_loop,
            entering::post_after_expiry_goes_to_the_portal,
            entering::plain_http_is_sent_to_https,
            carrying::websocket,
            carrying::large_body,
            carrying::script_gets_401,
            carrying::encoded_slash_reaches_the_application,
            leaving::log_out_everywhere,
            leaving::restart_of_the_house_keeps_sessions,
            leaving::crash_of_the_house_keeps_sessions,
            leaving::restart_of_the_door,
            forging::forged_headers_never_arrive,
            forging::no_foreign_identity_header_arrives,
            forging::public_path_has_no_identity,
            forging::undeclared_host,
            forging::unknown_host,
            forging::line_and_host_disagree,
            forging::the_check_is_closed_to_the_outside,
            forging::path_tricks_open_nothing,
            forging::two_session_cookies,
        }
    };
}

mod nginx {
    all_through!(Nginx);
}

mod traefik {
    all_through!(Traefik);
}

mod caddy {
    all_through!(Caddy);
}

/// Caddy drops names with underscores by itself, so whether ours are stripped shows only where it was told not to.
mod caddy_with_underscores {
    through! { LenientCaddy:
        forging::underscores_never_arrive,
    }
}

mod haproxy {
    all_through!(Haproxy);
}
