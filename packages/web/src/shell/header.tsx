import type { MouseEvent } from 'react';
import { LANGUAGES, type Language } from '../messages/messages.ts';
import { type ChangeView, viewHref } from '../state/use-view.ts';
import { SCREENS, type ViewState } from '../state/view-state.ts';
import { HealthStrip } from './health-strip.tsx';
import { Icon, type IconName, Logo } from './icons.tsx';
import { THEMES, type Theme, useSettings } from './settings.tsx';

/** What belongs to one screen alone. */
const NOTHING_OPEN = { event: undefined, letter: undefined, cause: undefined, find: undefined };

const THEME_ICONS: Readonly<Record<Theme, IconName>> = { auto: 'half', light: 'sun', dark: 'moon' };

export function Header({ view, change }: { view: ViewState; change: ChangeView }) {
  const { messages } = useSettings();
  const follow = (event: MouseEvent, screen: ViewState['screen']) => {
    // A new tab is the browser's business.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    change({ screen, ...NOTHING_OPEN });
  };
  return (
    <header className="header">
      <a className="skip-link" href="#results">
        {messages.skipToResults}
      </a>
      <span className="brand">
        <Logo />
        <span className="brand-name">{messages.appName}</span>
      </span>
      <nav aria-label={messages.nav.label}>
        {SCREENS.map((screen) => (
          <a
            key={screen}
            href={viewHref({ ...view, screen, ...NOTHING_OPEN })}
            aria-current={view.screen === screen ? 'page' : undefined}
            onClick={(event) => follow(event, screen)}
          >
            {messages.nav[screen]}
          </a>
        ))}
      </nav>
      <span className="spacer" />
      <HealthStrip />
      <LanguageSwitch />
      <ThemeSwitch />
    </header>
  );
}

function LanguageSwitch() {
  const { language, setLanguage, messages } = useSettings();
  return (
    <select
      className="language"
      aria-label={messages.language}
      value={language}
      onChange={(event) => setLanguage(event.target.value === 'ko' ? 'ko' : 'en')}
    >
      {(Object.keys(LANGUAGES) as Language[]).map((name) => (
        <option key={name} value={name}>
          {LANGUAGES[name].languageName}
        </option>
      ))}
    </select>
  );
}

function ThemeSwitch() {
  const { theme, setTheme, messages } = useSettings();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
  const label = `${messages.theme.label}: ${messages.theme[theme]}`;
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} onClick={() => setTheme(next)}>
      <Icon name={THEME_ICONS[theme]} />
    </button>
  );
}
