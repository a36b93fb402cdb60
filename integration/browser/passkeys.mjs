// A person with a passkey: adds one, signs in with password and passkey, then with the passkey alone; is refused where the
// authenticator did not know its user; removes it, and the password is enough again. The authenticator is Chromium's own virtual one.
//
// Environment: PORTAL (origin on localhost, the one host that browsers have passkeys for without https), PASSWORD, SHOTS (folder for
// screenshots of failures). Started by integration/blackbox/chromium.rs.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const { PORTAL, PASSWORD, SHOTS } = process.env;

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
});

async function withPassword(page) {
    await page.goto(`${PORTAL}/login`);
    await page.fill("input[name=username]", "alice");
    await page.fill("input[type=password]", PASSWORD);
    await page.click("form button[type=submit]");
    await page.waitForLoadState("load");
}

async function signOut(page) {
    await page.goto(`${PORTAL}/logout`);
    await Promise.all([page.waitForURL((url) => url.pathname !== "/logout" || url.search !== ""), page.click("form[method=post] button")]);
}

async function level(page) {
    // Not from within the page: its policy lets it fetch nothing.
    return (await (await page.request.get(new URL("/auth/session", page.url()).href)).json()).level;
}

async function withScripts() {
    const context = await browser.newContext({ locale: "en-US" });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const problems = [];
    page.on("console", (message) => {
        if (/Content Security Policy|Refused to/i.test(message.text())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable", { enableUI: false });
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
        options: {
            protocol: "ctap2",
            transport: "internal",
            hasResidentKey: true,
            hasUserVerification: true,
            isUserVerified: true,
            // Nobody touches it before the test says so: the sign-in page asks quietly as soon as it is open.
            automaticPresenceSimulation: false,
        },
    });
    const touch = (enabled) =>
        devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
    // What the button leads to.
    const press = async (there) => {
        await touch(true);
        await Promise.all([page.waitForURL(there), page.click("#passkey button")]);
        await touch(false);
    };
    try {
        await withPassword(page);
        assert.equal(new URL(page.url()).pathname, "/me");
        assert.equal(await level(page), "signed-in");

        await page.goto(`${PORTAL}/me/passkeys`);
        await page.fill("#passkey-name", "Blue key");
        await press((url) => url.search === "?added=1");
        assert.equal(await page.locator("li strong").innerText(), "Blue key");
        const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
        assert.equal(credentials.length, 1);
        assert.equal(credentials[0].rpId, "localhost");
        assert.ok(credentials[0].isResidentCredential, "it can be found without a name");

        await signOut(page);
        await withPassword(page);
        assert.equal(new URL(page.url()).pathname, "/login/second-factor", "the password is not enough now");
        await press((url) => url.pathname === "/me");
        assert.equal(await level(page), "second-factor", "password and passkey");

        await signOut(page);
        // It answers only what is asked after it was touched.
        await touch(true);
        await page.goto(`${PORTAL}/login`, { waitUntil: "commit" });
        await page.waitForURL((url) => url.pathname === "/me");
        await touch(false);
        assert.equal(await level(page), "second-factor", "the passkey alone, chosen where the name is written");

        // From here on a browser that does not fill in passkeys, so that it is the button which does it.
        await page.addInitScript(() => delete PublicKeyCredential.isConditionalMediationAvailable);
        await signOut(page);
        await page.goto(`${PORTAL}/login`);
        assert.equal(await page.getAttribute("input[name=username]", "autocomplete"), "username webauthn");
        await press((url) => url.pathname === "/me");
        assert.equal(await level(page), "second-factor", "the passkey alone, by the button");

        await signOut(page);
        await page.goto(`${PORTAL}/login`);
        await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
        await touch(true);
        await page.click("#passkey button");
        await page.waitForSelector("#passkey-problem:not([hidden])");
        assert.equal(new URL(page.url()).pathname, "/login", "nobody gets in whom the authenticator does not know");
        await touch(false);
        await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

        await page.goto(`${PORTAL}/login`);
        await press((url) => url.pathname === "/me");
        await page.goto(`${PORTAL}/me/passkeys`);
        await Promise.all([
            page.waitForURL((url) => url.search === "?removed=1"),
            page.click("form[action='/me/passkeys/remove'] button"),
        ]);
        assert.equal(await page.locator("li strong").count(), 0);
        await signOut(page);
        await withPassword(page);
        assert.equal(new URL(page.url()).pathname, "/me", "the password is enough again");
        assert.deepEqual(problems, [], "the browser complained");
    } catch (error) {
        await page.screenshot({ path: `${SHOTS}/passkeys.png`, fullPage: true }).catch(() => {});
        console.error(`on ${page.url()}:\n${await page.content().catch(() => "")}`);
        throw error;
    } finally {
        await context.close();
    }
}

// Without scripts nobody misses anything but passkeys.
async function withoutScripts() {
    const context = await browser.newContext({ javaScriptEnabled: false, locale: "en-US" });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    try {
        await page.goto(`${PORTAL}/login`);
        assert.ok(!(await page.locator("#passkey").isVisible()));
        await withPassword(page);
        assert.equal(new URL(page.url()).pathname, "/me");
        await page.goto(`${PORTAL}/me/passkeys`);
        assert.ok(!(await page.locator("#passkey").isVisible()));
        assert.match(await page.locator("main").innerText(), /need scripts/);
    } finally {
        await context.close();
    }
}

try {
    await withScripts();
    await withoutScripts();
    console.log("added, shown beside a password and alone, removed");
} finally {
    await browser.close();
}
