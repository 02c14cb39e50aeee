//! How well it does on questions it has not been trained on, counted as its model card says.

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Provider};
use backstop_providers::tiny::Tiny;
use serde::Deserialize;

#[derive(Deserialize)]
struct Question {
    question: String,
    /// Of each list one has to be said.
    needs: Vec<Vec<String>>,
    /// None of these may be said.
    #[serde(default)]
    never: Vec<String>,
}

impl Question {
    fn is_answered_by(&self, answer: &str) -> bool {
        let answer = answer.to_lowercase();
        let said = |phrase: &String| answer.contains(&phrase.to_lowercase());
        self.needs.iter().all(|any| any.iter().any(said)) && !self.never.iter().any(said)
    }
}

fn questions() -> Vec<Question> {
    serde_json::from_str(include_str!("../../guide/questions.json")).expect("a list of questions")
}

async fn answers() -> Vec<(Question, String)> {
    let tiny = Tiny::default();
    let mut answers = Vec::new();
    for question in questions() {
        let request = ChatRequest::user(&question.question);
        let reply = tiny.chat(Ask::new("guide"), &request).await.expect("an answer");
        answers.push((question, reply.text));
    }
    answers
}

#[tokio::test]
async fn at_least_fifty_of_sixty_new_questions_are_answered_right() {
    let answers = answers().await;
    assert_eq!(answers.len(), 60);
    let wrong: Vec<_> = answers
        .iter()
        .filter(|(question, answer)| !question.is_answered_by(answer))
        .map(|(question, answer)| format!("{}\n  {answer}", question.question))
        .collect();
    println!("{} of 60 right; wrong:\n{}", 60 - wrong.len(), wrong.join("\n"));
    assert!(wrong.len() <= 10, "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn it_never_claims_to_be_a_large_model() {
    for (question, answer) in answers().await {
        let answer = answer.to_lowercase();
        for claim in ["i am gpt", "i am claude", "i am gemini", "i am a large", "i'm a large", "billion"] {
            assert!(!answer.contains(claim), "{}: {answer}", question.question);
        }
    }
}

#[test]
fn a_wrong_answer_is_counted_as_wrong() {
    for question in questions() {
        assert!(!question.is_answered_by("Bananas are yellow."), "{}", question.question);
    }
}
