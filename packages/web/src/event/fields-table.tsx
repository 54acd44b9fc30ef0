import type { EventRecord } from '../api/types.ts';
import { excludeFilter, includeFilter } from '../search/filters.ts';
import { Icon, type IconName } from '../shell/icons.tsx';
import { useMessages } from '../shell/settings.tsx';
import { displayValue, fieldGroups, filterValue } from './event-record.ts';
import { useCopy } from './use-copy.ts';

interface Props {
  readonly event: EventRecord;
  readonly query: string;
  readonly onSearch: (query: string) => void;
}

/** Every field with its value, by group, with what can be done with it. */
export function FieldsTable({ event, query, onSearch }: Props) {
  const { event: words } = useMessages();
  return (
    <section>
      <h3>{words.fields}</h3>
      {fieldGroups(event).map(({ group, fields }) => (
        <div key={group} className="field-group">
          <h4>{words.groups[group]}</h4>
          <dl>
            {fields.map(([name, value]) => (
              <Field key={name} name={name} value={value} query={query} onSearch={onSearch} />
            ))}
          </dl>
        </div>
      ))}
    </section>
  );
}

interface FieldProps {
  readonly name: string;
  readonly value: unknown;
  readonly query: string;
  readonly onSearch: (query: string) => void;
}

function Field({ name, value, query, onSearch }: FieldProps) {
  const { event: words } = useMessages();
  const [copied, copy] = useCopy();
  const searched = filterValue(value);
  const shown = displayValue(value);
  return (
    <div className="event-field">
      <dt>{name}</dt>
      <dd>
        <span className="field-value">{shown}</span>
        <span className="field-actions">
          {searched !== undefined && (
            <>
              <Action
                icon="plus"
                label={words.include(name)}
                onClick={() => onSearch(includeFilter(query, name, searched))}
              />
              <Action
                icon="minus"
                label={words.exclude(name)}
                onClick={() => onSearch(excludeFilter(query, name, searched))}
              />
            </>
          )}
          <Action
            icon={copied === 'copied' ? 'check' : 'copy'}
            label={copied === 'copied' ? words.copied : copied === 'failed' ? words.copyFailed : words.copyValue(name)}
            onClick={() => copy(shown)}
          />
        </span>
      </dd>
    </div>
  );
}

function Action({ icon, label, onClick }: { icon: IconName; label: string; onClick: () => void }) {
  return (
    <button type="button" className="field-action" aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
