"use strict";
/* What a page with passkeys needs of the browser. Without it, or without this script, everything else works. */
(() => {
    const box = document.getElementById("passkey");
    if (!box || !window.PublicKeyCredential) return;
    const data = box.dataset;
    const button = box.querySelector("button");
    const problem = document.getElementById("passkey-problem");
    const field = (name) => document.getElementById(name);
    let waiting = null;

    const bytes = (text) =>
        Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
    const text = (buffer) =>
        btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

    const options = (asked) => {
        const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
        const all = { ...asked.publicKey, challenge: bytes(asked.publicKey.challenge) };
        if (all.user) all.user = { ...all.user, id: bytes(all.user.id) };
        all.excludeCredentials = named(all.excludeCredentials);
        all.allowCredentials = named(all.allowCredentials);
        return all;
    };

    const written = (credential) => {
        const from = credential.response;
        const response = { clientDataJSON: text(from.clientDataJSON) };
        for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
            if (from[name]) response[name] = text(from[name]);
        }
        if (from.getTransports) response.transports = from.getTransports();
        const properties = credential.getClientExtensionResults().credProps;
        const known = properties && typeof properties.rk === "boolean";
        return JSON.stringify({
            id: credential.id,
            rawId: text(credential.rawId),
            type: credential.type,
            response,
            clientExtensionResults: known ? { credProps: { rk: properties.rk } } : {},
        });
    };

    const ask = async (path, body) => {
        const answer = await fetch(path, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ csrf: data.csrf, ...body }),
        });
        const said = await answer.json();
        if (said.location) {
            location.assign(said.location);
            return null;
        }
        if (!answer.ok) throw new Error(said.message);
        return said;
    };

    const run = async (quietly) => {
        if (waiting) waiting.abort();
        const mine = new AbortController();
        waiting = mine;
        problem.hidden = true;
        try {
            const asked = await ask(data.options, {});
            if (!asked || mine.signal.aborted) return;
            const request = { publicKey: options(asked.options), signal: mine.signal };
            if (quietly) request.mediation = "conditional";
            const credential =
                data.make === "1" ? await navigator.credentials.create(request) : await navigator.credentials.get(request);
            const body = { handle: asked.handle, credential: written(credential) };
            if (data.way) body.way = data.way;
            if (field("passkey-name")) body.name = field("passkey-name").value;
            if (field("remember")) body.remember = field("remember").checked;
            if (field("trust")) body.trust = field("trust").checked;
            await ask(data.finish, body);
        } catch (error) {
            if (mine.signal.aborted || (quietly && error instanceof DOMException)) return;
            /* The browser tells pages nothing of why: no person there, no passkey, not now. */
            problem.textContent = error instanceof DOMException ? data.failed : error.message || data.failed;
            problem.hidden = false;
        }
    };

    box.hidden = false;
    button.addEventListener("click", () => run(false));
    if (data.autofill === "1" && PublicKeyCredential.isConditionalMediationAvailable) {
        PublicKeyCredential.isConditionalMediationAvailable().then((can) => can && run(true));
    }
})();
