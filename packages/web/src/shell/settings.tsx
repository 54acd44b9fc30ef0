import { createContext, type ReactNode, use, useEffect, useMemo } from 'react';
import { chooseLanguage, LANGUAGES, type Language, type Messages } from '../messages/messages.ts';
import { useStored } from '../state/stored.ts';
import { createTimeFormat, type TimeFormat } from '../time/format-time.ts';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface Settings {
  readonly language: Language;
  readonly theme: Theme;
  readonly messages: Messages;
  readonly locale: string;
  readonly time: TimeFormat;
  readonly setLanguage: (language: Language) => void;
  readonly setTheme: (theme: Theme) => void;
}

const SettingsContext = createContext<Settings | undefined>(undefined);

const readLanguage = (text: string | undefined): Language => chooseLanguage(text ? [text] : navigator.languages);
const readTheme = (text: string | undefined): Theme => THEMES.find((theme) => theme === text) ?? 'auto';
const asText = (value: string) => value;

export function SettingsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useStored('tailrace.language', readLanguage, asText);
  const [theme, setTheme] = useStored('tailrace.theme', readTheme, asText);

  useEffect(() => {
    document.documentElement.lang = language;
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [language, theme]);

  const settings = useMemo<Settings>(() => {
    const messages = LANGUAGES[language];
    const locale = messages.localeTag;
    return { language, theme, messages, locale, time: createTimeFormat(locale), setLanguage, setTheme };
  }, [language, theme, setLanguage, setTheme]);

  return <SettingsContext value={settings}>{children}</SettingsContext>;
}

export function useSettings(): Settings {
  const settings = use(SettingsContext);
  if (settings === undefined) throw new Error('useSettings needs a SettingsProvider above it');
  return settings;
}

export function useMessages(): Messages {
  return useSettings().messages;
}
