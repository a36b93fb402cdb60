// A web application that lets vouchsafe sign its people in, made with a published client library (oauth4webapi) and nothing of ours.
// It listens on 127.0.0.1:PORT. `/start` sends the browser to the portal; `/cb` takes it back and does everything such a library
// can do, checks included; the page is a JSON object of what came of it.
import { createServer } from 'node:http';
import * as oauth from 'oauth4webapi';

const { PORTAL, PORT, CLIENT_ID, CLIENT_SECRET, BASE } = process.env;
const server = {
  issuer: PORTAL,
  authorization_endpoint: `${PORTAL}/oauth2`,
  token_endpoint: `${PORTAL}${BASE}/auth/oauth2/token`,
  introspection_endpoint: `${PORTAL}${BASE}/auth/oauth2/token_info`,
  jwks_uri: `${PORTAL}/.well-known/jwks.json`,
  authorization_response_iss_parameter_supported: true,
  code_challenge_methods_supported: ['S256'],
  id_token_signing_alg_values_supported: ['RS256'],
};
const client = { client_id: CLIENT_ID };
const proof = oauth.ClientSecretBasic(CLIENT_SECRET);
const inTheBody = oauth.ClientSecretPost(CLIENT_SECRET);
// The portal of the test is http on this very machine.
const options = { [oauth.allowInsecureRequests]: true };
const redirect = `http://127.0.0.1:${PORT}/cb`;
const asked = new Map();

async function start() {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  asked.set(state, { verifier, nonce });
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: CLIENT_ID,
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid email username',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString();
  return url.href;
}

async function introspect(token, auth) {
  const response = await oauth.introspectionRequest(server, client, auth, token, options);
  return oauth.processIntrospectionResponse(server, client, response);
}

async function arrived(url) {
  const state = url.searchParams.get('state');
  const { verifier, nonce } = asked.get(state);
  const answer = oauth.validateAuthResponse(server, client, url, state);
  const response = await oauth.authorizationCodeGrantRequest(server, client, proof, answer, redirect, verifier, options);
  const first = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(server, response, options);
  const active = await introspect(first.access_token, proof);
  const again = await oauth.refreshTokenGrantRequest(server, client, inTheBody, first.refresh_token, options);
  const renewed = await oauth.processRefreshTokenResponse(server, client, again);
  const renewedActive = await introspect(renewed.access_token, inTheBody);
  // An old refresh token ends its family.
  const reuse = await oauth.refreshTokenGrantRequest(server, client, proof, first.refresh_token, options);
  const reused = await oauth.processRefreshTokenResponse(server, client, reuse).then(() => 'taken', (error) => error.error);
  const after = await introspect(renewed.access_token, proof);
  return {
    claims: oauth.getValidatedIdTokenClaims(first),
    scope: first.scope,
    expires_in: first.expires_in,
    active,
    renewed: renewed.access_token !== first.access_token && renewedActive.active,
    reused,
    after,
  };
}

createServer(async (request, response) => {
  const url = new URL(request.url, redirect);
  try {
    if (url.pathname === '/start') {
      response.writeHead(302, { location: await start() }).end();
    } else if (url.pathname === '/cb') {
      const told = await arrived(url);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told));
    } else {
      response.writeHead(404).end();
    }
  } catch (error) {
    const told = { error: error.error ?? error.name, message: error.message, cause: String(error.cause ?? '') };
    response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify(told));
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log('ready'));
