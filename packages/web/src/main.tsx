import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
// First, so that the styles of a part win over those of all.
import './styles/tokens.css';
import './styles/base.css';
import { App } from './shell/app.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
