namespace Coppice.Text;

/// <summary>What has become certain of an answer: some text, some reasoning, or a call.</summary>
/// <param name="Text">Text for the reader; empty where the part is something else.</param>
/// <param name="Reasoning">What the model thinks before it answers; empty where the part is something else.</param>
/// <param name="Call">A whole call; null where the part is something else.</param>
public readonly record struct AnswerPart(string Text = "", string Reasoning = "", ToolCall? Call = null);
