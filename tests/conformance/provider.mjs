// A certified OpenID provider (oidc-provider) on loopback, with a person who is signed in without being asked, and machines.
// Prints its address; `node provider.mjs REDIRECT_URI`.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

const AUDIENCE = 'gateway';
const PERSON = { email: 'jane.doe@contoso-retail.example', email_verified: true, name: 'Jane Doe' };
const redirect = process.argv[2];

const site = {
  client_secret: 'secret-of-a-site',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [redirect],
};
const machine = {
  client_secret: 'secret-of-a-machine',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
};
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const server = createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) return interacted(request, response);
  return provider.callback()(request, response);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'shop', ...site },
    { client_id: 'acme', ...machine },
    // A partner's registration at which people can sign in as well.
    { client_id: 'both', ...site, grant_types: [...site.grant_types, ...machine.grant_types] },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'email', 'offline_access'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  extraTokenClaims: (_, token) => (token.kind === 'AccessToken' ? PERSON : undefined),
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PERSON }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) => (ctx.oidc.params?.scope?.includes('orders') ? 'urn:gateway' : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: AUDIENCE,
        scope: 'orders',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

// Whoever comes is Jane, and agrees to whatever is asked.
async function interacted(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'jane' } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid email offline_access');
  grant.addResourceScope('urn:gateway', 'orders');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

console.log(issuer);
