import { FIELD_SLOTS } from './field-types.ts';
import type { KeyPlan } from './key-plan.ts';

const SLOTS = FIELD_SLOTS.size;

/**
 * One line in the making: fixed keys in their slots, attributes as they come. Text is put together directly, since an
 * object of forty keys that lives only for one `JSON.stringify` costs more than all else on the way.
 */
export class LineText {
  readonly #number: number;
  readonly #fixed: string[] = new Array(SLOTS).fill('');
  #attributes = '';
  #isAmbiguous = false;

  /** @param number - tells this event from every other one, from 1 up. */
  constructor(number: number) {
    this.#number = number;
  }

  /** True where a key may have come twice: only the text, parsed again, tells which value stays. */
  get isAmbiguous(): boolean {
    return this.#isAmbiguous;
  }

  /** Another event was written while this one was: the plans no longer tell which keys this one has. */
  noteInterruption(): void {
    this.#isAmbiguous = true;
  }

  /** @param json - the value, as JSON. */
  put(plan: KeyPlan, json: string): void {
    if (plan.slot >= 0) {
      this.#fixed[plan.slot] = plan.prefix + json;
      return;
    }
    if (plan.writtenIn === this.#number || !plan.isAlone) this.#isAmbiguous = true;
    plan.writtenIn = this.#number;
    // In this order: what is put together from the left is also copied out in one go, without a look into each part.
    this.#attributes = this.#attributes + plan.prefix + json;
  }

  toString(): string {
    let line = '';
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const field = this.#fixed[slot];
      if (field !== undefined && field !== '') line += line === '' ? `{${field.slice(1)}` : field;
    }
    return line === '' ? `{${this.#attributes.slice(1)}}` : `${line}${this.#attributes}}`;
  }
}
