import { useMessages } from '../shell/settings.tsx';

/** The search syntax by example: shown where a search could not be read. */
export function SearchSyntax({ onTry }: { onTry: (query: string) => void }) {
  const { search: words } = useMessages();
  return (
    <section className="syntax" aria-labelledby="syntax">
      <h2 id="syntax">{words.syntax}</h2>
      <dl>
        {Object.entries(words.examples).map(([example, meaning]) => (
          <div key={example}>
            <dt>
              <button
                type="button"
                className="syntax-try"
                aria-label={words.try(example)}
                onClick={() => onTry(example)}
              >
                {example}
              </button>
            </dt>
            <dd className="muted">{meaning}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
