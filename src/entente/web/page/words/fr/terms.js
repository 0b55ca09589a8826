// French: terms.
export default {
  title: "Termes",
  private: "Un fichier de termes reste à ce poste. Rien n'en est envoyé au centre ni à une autre partie.",
  files: "Fichier de termes",
  none: "Aucun fichier de termes à ce poste.",
  example: "Charger l'exemple de 2017",
  question: "Question",
  programme: "Programme",
};
