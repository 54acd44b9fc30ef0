/**
 * Which names are names of secrets.
 *
 * A key is split into words, at separators and at changes of case (`clientSecret`, `CLIENT-SECRET` and `client.secret`
 * are the same two words), and runs of up to four words are looked up. So `secretary`, `pinned`, `author` and
 * `tokenizer` are words of their own and survive, while `x-api-key`, `dbPassword` and `cardNumber` are found.
 *
 * A sensitive name covers what is below it (`password.current`), unless the last word says that the value only tells
 * something about the secret: `token_count`, `password_changed_at`, `cookie.domain`.
 */

export interface NameVerdict {
  /** The kind under which a hit is counted. */
  readonly kind: string;
  /** True where only strings are secret under this name: `tokens: 512` is a count, `tokens: ["a1b2"]` is not. */
  readonly stringsOnly: boolean;
}

interface SensitiveName extends NameVerdict {
  /** True where the name is only sensitive as the last word: `pin`, but not `pin.colour`. */
  readonly lastOnly: boolean;
}

const NAMES: Readonly<Record<string, string>> = {
  password: 'password passwd passwort passcode passphrase pwd userpwd dbpwd motdepasse contrasena 비밀번호 암호',
  secret:
    'secret clientsecret secretid sharedsecret signingsecret webhooksecret seedphrase mnemonic recoverycode backupcode',
  token:
    'token authtoken accesstoken refreshtoken idtoken sessiontoken csrftoken xsrftoken bearer xcsrf onetimecode authcode authorizationcode mfacode otpcode sessionkey',
  api_key:
    'apikey accesskey secretkey secretaccesskey accountkey sharedaccesskey subscriptionkey servicekey apisecret appkey appsecret consumerkey consumersecret licensekey storagekey masterkey',
  private_key: 'privatekey signingkey encryptionkey decryptionkey hmackey sshkey pgpkey keypair',
  authorization: 'authorization proxyauthorization authheader wwwauthenticate',
  cookie: 'cookie setcookie connectsid phpsessid jsessionid',
  cvv: 'cvv cvc cvv2 cvc2 csc cardcode securitycode',
  pin: 'pincode pinnumber userpin cardpin',
  card: 'cardnumber cardno creditcard debitcard creditcardnumber ccnumber ccnum primaryaccountnumber 카드번호',
  ssn: 'ssn socialsecurity socialsecuritynumber sin itin nationalid nationalidnumber taxid taxpayerid residentregistrationnumber rrn 주민등록번호 주민번호',
  account: 'accountnumber bankaccount routingnumber iban passportnumber driverslicense driverlicense',
  phone: 'phone phonenumber mobilenumber mobilephone cellphone telephone msisdn 전화번호 휴대폰번호',
};

/** Sensitive as the last word only, since the word has other meanings. */
const LAST_ONLY: Readonly<Record<string, string>> = {
  pin: 'pin',
  authorization: 'auth',
  token: 'jwt otp totp nonce2fa',
  password: 'pass',
  card: 'pan',
  phone: 'mobile tel fax',
};

/** Plurals, and words of which the number is harmless. */
const STRINGS_ONLY: Readonly<Record<string, string>> = {
  token: 'tokens',
  secret: 'secrets credential credentials creds',
  password: 'passwords pass',
  cookie: 'cookies',
  authorization: 'auth',
  card: 'pan',
  phone: 'mobile tel fax phones',
};

/** A single word that ends like this is sensitive whatever stands before it: `clientsecret`, `stripeapikey`. */
const ENDINGS: readonly (readonly [ending: string, kind: string])[] = [
  ['password', 'password'],
  ['passwd', 'password'],
  ['passphrase', 'password'],
  ['secret', 'secret'],
  ['token', 'token'],
  ['apikey', 'api_key'],
  ['secretkey', 'api_key'],
  ['accesskey', 'api_key'],
  ['privatekey', 'private_key'],
  ['cookie', 'cookie'],
];

/** Last words that speak about a secret without telling it. */
const HARMLESS = new Set(
  (
    'count counts used usage limit limits length len size type types kind expires expired expiry expiration expire at in ' +
    'ttl age id ids uuid name names version valid invalid verified required enabled disabled policy changed updated created ' +
    'issued rotated status state attempts tries strength present missing exists url uri endpoint path host domain ms ns us ' +
    'seconds bytes chars total rate error errors ok index scope scopes issuer provider source algorithm alg secure samesite ' +
    'granted denied allowed result decision reason method duration latency less max min avg remaining budget field fields ' +
    'label description country brand last4 last_four network per cost price model format prefix'
  ).split(' '),
);

export const URL_PARAMETER = 'url_parameter';

/** Names that are only sensitive as parameters of a URL, where they carry signatures and one-time codes. */
const URL_PARAMETERS = new Set(
  'sig signature xamzsignature xamzcredential xgoogsignature xgoogcredential key code sid session sessionid otp hash'.split(
    ' ',
  ),
);

const MAX_WORDS = 4;

export type NameClassifier = (name: string) => NameVerdict | undefined;

/** Makes the classifier for the default names and the user's own. */
export function createNameClassifier(ownNames: readonly string[]): NameClassifier {
  const own = new Map<string, SensitiveName>();
  let longest = MAX_WORDS;
  for (const name of ownNames) {
    const words = splitWords(name);
    if (words.length === 0) throw new TypeError(`redaction.keys: ${JSON.stringify(name)} has no letters or digits`);
    longest = Math.max(longest, words.length);
    own.set(words.join(''), { kind: 'key', lastOnly: false, stringsOnly: false });
  }
  const lookUp = (name: string): SensitiveName | undefined => own.get(name) ?? defaultNames().get(name);

  return (name) => {
    const words = splitWords(name);
    for (let from = 0; from < words.length; from += 1) {
      let joined = '';
      for (let to = from; to < Math.min(words.length, from + longest); to += 1) {
        joined += words[to] ?? '';
        const found = lookUp(joined) ?? lookUp(withoutFinalDigits(joined)) ?? byEnding(to === from ? joined : '');
        if (found === undefined) continue;
        const last = to === words.length - 1;
        if (last || (!found.lastOnly && !HARMLESS.has(words.at(-1) ?? ''))) return found;
      }
    }
    return undefined;
  };
}

let madeDefaultNames: ReadonlyMap<string, SensitiveName> | undefined;

/** Made with the first name that is looked up: a start has no use for it. */
function defaultNames(): ReadonlyMap<string, SensitiveName> {
  if (madeDefaultNames !== undefined) return madeDefaultNames;
  const names = new Map<string, SensitiveName>();
  enter(names, NAMES, { lastOnly: false, stringsOnly: false });
  enter(names, STRINGS_ONLY, { lastOnly: false, stringsOnly: true });
  for (const [kind, list] of Object.entries(LAST_ONLY)) {
    for (const name of list.split(' ')) {
      names.set(name, { kind, lastOnly: true, stringsOnly: names.get(name)?.stringsOnly ?? false });
    }
  }
  madeDefaultNames = names;
  return names;
}

/** The verdict on a name that is only sensitive in the query of a URL. */
export function classifyUrlParameter(name: string): NameVerdict | undefined {
  return URL_PARAMETERS.has(splitWords(name).join('')) ? { kind: URL_PARAMETER, stringsOnly: true } : undefined;
}

function enter(
  names: Map<string, SensitiveName>,
  table: Readonly<Record<string, string>>,
  traits: { readonly lastOnly: boolean; readonly stringsOnly: boolean },
): void {
  for (const [kind, list] of Object.entries(table)) {
    for (const name of list.split(' ')) names.set(name, { kind, ...traits });
  }
}

function byEnding(word: string): SensitiveName | undefined {
  for (const [ending, kind] of ENDINGS) {
    if (word.endsWith(ending) || (ending === 'password' && word.startsWith(ending) && word !== 'passwordless')) {
      return { kind, lastOnly: false, stringsOnly: false };
    }
  }
  return undefined;
}

function withoutFinalDigits(word: string): string {
  let end = word.length;
  while (end > 0 && isDigit(word.charCodeAt(end - 1))) end -= 1;
  return word.slice(0, end);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** `x-apiKey.HTTPHeader` → `x`, `api`, `key`, `http`, `header`. */
export function splitWords(name: string): string[] {
  const words = name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{N}\p{M}]+|\p{Lu}/gu) ?? [];
  const result: string[] = [];
  for (const word of words) {
    // `API2` and `API` are cut before a digit; a word of digits alone belongs to the word before it
    if (/^\p{N}+$/u.test(word) && result.length > 0) result[result.length - 1] += word;
    else result.push(word.toLowerCase());
  }
  return result;
}
