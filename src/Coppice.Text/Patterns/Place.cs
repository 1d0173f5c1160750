
namespace Coppice.Text.Patterns;

/// <summary>A place in the text that a pattern may ask for without consuming anything.</summary>
internal enum Place
{
    TextStart,
    TextEnd,
    TextEndOrLastLine,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}
