// A person with Chromium: opens an application, is sent to the portal, signs in, is in; is refused where the group is missing;
// signs out, and is out everywhere. Once with scripts and once without.
//
// Environment: PORTAL, APP, ADMIN (origins), PASSWORD, CERTIFICATE (PEM of the test's own), SHOTS (folder for screenshots
// of failures). Started by integration/blackbox/chromium.rs.

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const { PORTAL, APP, ADMIN, PASSWORD, CERTIFICATE, SHOTS } = process.env;

// Chromium trusts exactly the test's key, everything else stays strict: certificate errors are not switched off.
const spki = new X509Certificate(readFileSync(CERTIFICATE)).publicKey.export({ type: "spki", format: "der" });
const pin = createHash("sha256").update(spki).digest("base64");

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        `--ignore-certificate-errors-spki-list=${pin}`,
    ],
});

// What the application says it received.
async function told(page) {
    return JSON.parse(await page.locator("#told").innerText());
}

function identity(request) {
    const line = (name) => request.headers.find(([known]) => known.toLowerCase() === name)?.[1] ?? "";
    return [line("remote-user"), line("remote-groups"), line("remote-email"), line("remote-name")];
}

async function signIn(page, name, password) {
    await page.fill("input[name=username]", name);
    await page.fill("input[type=password]", password);
    await Promise.all([page.waitForLoadState("load"), page.click("button[type=submit], input[type=submit]")]);
    await page.waitForLoadState("networkidle");
}

async function walk(scripts) {
    const context = await browser.newContext({ javaScriptEnabled: scripts, locale: "en-US" });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const problems = [];
    page.on("console", (message) => {
        // A page of ours that its own content policy blocks is a fault a person may not see at once.
        if (/Content Security Policy|Refused to/i.test(message.text())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    try {
        const deep = `${APP}/report?from=1&to=2&path=a%2Fb&sum=1+1&name=Zo%C3%AB`;
        await page.goto(deep);
        assert.equal(new URL(page.url()).origin, PORTAL, "a stranger is sent to the portal");

        await signIn(page, "alice", "not the password");
        assert.equal(new URL(page.url()).origin, PORTAL, "a wrong password stays there");
        assert.ok(await page.locator("input[type=password]").isVisible(), "and can be tried again");

        await signIn(page, "alice", PASSWORD);
        assert.equal(page.url(), deep, "back where she wanted to go, the query intact");
        assert.deepEqual(identity(await told(page)), ["alice", "staff", "alice@example.com", "Alice Liddell"]);

        const refused = await page.goto(`${ADMIN}/`);
        assert.equal(refused.status(), 403, "the other application is not for her");
        assert.equal(new URL(page.url()).origin, ADMIN, "and it does not ask her to sign in again");

        // The cookie is for the parent domain, and no script can read it.
        const cookies = (await context.cookies()).filter((cookie) => cookie.name.endsWith("auth"));
        assert.equal(cookies.length, 1, "one session cookie");
        assert.ok(cookies[0].httpOnly && cookies[0].secure && cookies[0].sameSite === "Lax", JSON.stringify(cookies[0]));

        if (scripts) {
            await page.goto(`${APP}/`);
            const seen = await page.evaluate(async () => {
                const answer = await fetch("/api/items", { headers: { accept: "application/json" } });
                const echo = await new Promise((resolve, reject) => {
                    const socket = new WebSocket(`wss://${location.host}/socket`);
                    socket.onopen = () => socket.send("hello");
                    socket.onmessage = (event) => { resolve(event.data); socket.close(); };
                    socket.onerror = () => reject(new Error("the socket failed"));
                });
                return { status: answer.status, echo };
            });
            assert.deepEqual(seen, { status: 200, echo: "hello" });
        }

        await page.goto(`${PORTAL}/logout`);
        await Promise.all([page.waitForLoadState("load"), page.click("form[method=post] button, form[method=post] input[type=submit]")]);
        await page.waitForLoadState("networkidle");
        await page.goto(`${APP}/`);
        assert.equal(new URL(page.url()).origin, PORTAL, "signed out is out");

        if (scripts) {
            // A page that was open all the while: its script learns it by a status it can read.
            await page.goto(`${APP}/public/`);
            const status = await page.evaluate(async () => (await fetch("/api/items")).status);
            assert.equal(status, 401);
        }

        await page.goto(`${ADMIN}/?x=1&y=2`);
        await signIn(page, "carol", PASSWORD);
        assert.equal(page.url(), `${ADMIN}/?x=1&y=2`, "another person, another application");
        assert.deepEqual(identity(await told(page)), ["carol", "admins,staff", "carol@example.com", "Zoë Carol"]);
        assert.deepEqual(problems, [], "the browser complained");
    } catch (error) {
        await page.screenshot({ path: `${SHOTS}/${scripts ? "with" : "without"}-scripts.png`, fullPage: true }).catch(() => {});
        console.error(`on ${page.url()}, ${scripts ? "with" : "without"} scripts:\n${await page.content().catch(() => "")}`);
        throw error;
    } finally {
        await context.close();
    }
}

try {
    await walk(true);
    await walk(false);
    console.log("with and without scripts: in, refused, out");
} finally {
    await browser.close();
}
